"""Retraining: the same bits whatever interrupts it, failures beside successes, the agreement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import kendalltau
from torch import Tensor

import bnas
from bnas.architecture import Architecture, Design, Stage, Stem, Unit, digest, valid
from bnas.blocks.unit import EAGER, Regions
from bnas.blocks.unit import Unit as UnitModule
from bnas.errors import EvaluationFailed, InvalidConfiguration, RunError
from bnas.evaluation.scoring import NetworkScore, data_like_training, score_network
from bnas.export.loading import TrainedNetwork
from bnas.runs.curves import Curve
from bnas.runs.folder import RunFolder
from bnas.runs.retraining.resolution import Resolved, resolve
from bnas.runs.retraining.result import Retraining, open_retraining
from bnas.runs.retraining.retrain import labels, resume, start
from bnas.search.events import End, EpochEnded, Event
from bnas.search.stop import Stop
from bnas.training import course, loop
from bnas.training import regions as regions_module
from bnas.training.curve import CurvePoint
from bnas.training.regions import Compilation
from tests.data.writing import write_folder

EPOCHS = 3
FINAL = "bnas.runs.retraining.final"


class Cut(BaseException):
    """Stands for whatever ends a process."""


def small(width: int) -> Design:
    architecture = valid(
        Architecture(
            skeleton="resnet",
            stem=Stem(width=width),
            stages=(Stage(depth=1, width=width, stride=2, unit=Unit(nonlinearity="prelu")),),
        )
    )
    return Design(name=str(width), architecture=architecture, image_size=8, num_classes=10)


def asked(*assignments: str, num_seeds: int = 1) -> Resolved:
    return resolve(
        run=None,
        designs=[small(4), small(6)],
        evaluator="digits",
        num_seeds=num_seeds,
        engine={"engine": "inline", "checkpoint_s": 0.0},
        assignments=[f"evaluator.epochs={EPOCHS}", *assignments],
    )


def retrained(folder: Path, resolved: Resolved, **options: Any) -> Retraining:
    return start(resolved, name="whole", results_dir=folder, **options).retraining


@pytest.mark.parametrize("processes", [0, 33])
def test_every_process_must_have_a_part_of_every_batch(processes: int) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        resolve(run=None, designs=[small(4)], evaluator="digits", processes=processes)
    assert str(caught.value) == (
        "a training is shared by 1 to 32 processes, so that each has an image of every batch "
        f"(batch_size 64), but got {processes}; take another number or a larger batch"
    )


def cutting(after: int) -> Callable[[Event], None]:
    """A listener that ends the process, so to speak, in the epoch behind so many."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, EpochEnded)
        if seen > after:
            raise Cut

    return listen


def content(folder: RunFolder) -> dict[str, Any]:
    """Everything that a retraining leaves, but times."""
    found: dict[str, Any] = {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in sorted(folder.networks.glob("*/*"))
        if path.suffix in {".safetensors", ".json", ".txt"}
    }
    for path in (folder.retrained, *sorted(folder.networks.glob("*/curve.csv"))):
        table = pd.read_csv(path).drop(columns="seconds")
        found[str(path.relative_to(folder.path))] = table.to_csv()
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Retraining:
    return retrained(tmp_path_factory.mktemp("whole"), asked())


RECIPE = (
    "evaluator.recipe.teacher={network: twin, epochs: 2}",
    "evaluator.recipe.phases=[{share: 1, weights: real}, {share: 2}]",
    "evaluator.recipe.ema=0.9",
)


@pytest.mark.parametrize("after", [1, 2])
def test_so_does_one_with_phases_a_teacher_and_an_average(tmp_path: Path, after: int) -> None:
    resolved = asked(*RECIPE)
    undisturbed = retrained(tmp_path, resolved)
    with pytest.raises(Cut):
        start(resolved, name="cut", results_dir=tmp_path, listener=cutting(after))
    folder = RunFolder(tmp_path / "cut")
    assert (folder.path / "teachers").exists()
    resume(folder)
    assert content(folder) == content(undisturbed.folder)
    assert not (folder.path / "teachers").exists()
    curve = pd.read_csv(next(folder.networks.glob("*/curve.csv")))
    assert list(curve["phase"]) == ["1: real weights", "2: binary weights", "2: binary weights"]


@pytest.mark.parametrize("after", [1, 3, 5])
def test_an_interrupted_one_ends_with_the_same_bits(
    whole: Retraining, tmp_path: Path, after: int
) -> None:
    with pytest.raises(Cut):
        start(asked(), name="cut", results_dir=tmp_path, listener=cutting(after))
    folder = RunFolder(tmp_path / "cut")
    assert len(open_retraining(folder).repetitions) == (after >= EPOCHS)
    ended = resume(folder)
    assert ended.end.reason == "trials"
    assert content(folder) == content(whole.folder)
    assert not folder.checkpoints.exists()


def test_it_may_be_cut_again_and_again(whole: Retraining, tmp_path: Path) -> None:
    with pytest.raises(Cut):
        start(asked(), name="cut", results_dir=tmp_path, listener=cutting(1))
    folder = RunFolder(tmp_path / "cut")
    with pytest.raises(Cut):
        # One epoch is reported again, and one is new.
        resume(folder, listener=cutting(2))
    resume(folder)
    assert content(folder) == content(whole.folder)


def test_the_most_expensive_is_trained_first(whole: Retraining) -> None:
    table = pd.read_csv(whole.folder.retrained)
    assert table["ops"].is_monotonic_decreasing
    assert [one.entry.digest for one in whole.designs()] == list(table["digest"])[::-1]


def test_the_test_split_is_looked_at_once_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = loop.score

    def counted(model: Any, examples: Any) -> Any:
        sizes.append(len(examples))
        return real(model, examples)

    monkeypatch.setattr(f"{FINAL}.score", counted)
    retrained(tmp_path, asked())
    assert sizes == [300, 300]


def test_it_trains_on_training_and_validation_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = loop.train

    def counted(training: Any, examples: Any, recipe: Any, **options: Any) -> Any:
        sizes.append(len(examples))
        return real(training, examples, recipe, **options)

    monkeypatch.setattr(f"{FINAL}.train", counted)
    retrained(tmp_path, asked())
    assert sizes == [1497, 1497]


def test_a_design_that_fails_is_recorded_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = course.begin, digest(small(6).architecture)

    def begin(architecture: Architecture, *rest: Any, **options: Any) -> Any:
        if digest(architecture) == broken:
            raise EvaluationFailed("it diverged")
        return real(architecture, *rest, **options)

    monkeypatch.setattr(course, "begin", begin)
    found = retrained(tmp_path, asked())
    assert (found.num_failed, len(found.estimates)) == (1, 1)
    good, bad = found.designs()
    assert (good.errors, bad.errors) == ((), ("seed 1: EvaluationFailed: it diverged",))
    assert (bad.estimate, bad.on_front, bad.networks) == (None, False, ())
    assert bad.as_dict()["mean"] is None
    monkeypatch.undo()
    # To diverge is the design's own, so it is not tried again.
    assert resume(found.folder).retraining.num_failed == 1


def test_what_failed_for_another_reason_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*_: Any, **__: Any) -> Any:
        raise RunError("the disk is full")

    monkeypatch.setattr(course, "begin", begin)
    found = retrained(tmp_path, asked())
    assert found.num_failed == 2
    monkeypatch.undo()
    again = resume(found.folder).retraining
    assert (again.num_failed, len(again.estimates)) == (0, 2)
    assert len(pd.read_csv(found.folder.retrained)) == 4


def test_what_failed_in_between_goes_on_from_its_checkpoint(
    tmp_path: Path, whole: Retraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, epochs = Curve.add, []

    def add(curve: Curve, point: CurvePoint) -> None:
        epochs.append(point.epoch)
        if point.epoch == EPOCHS:
            raise RunError("the disk is full")
        real(curve, point)

    monkeypatch.setattr(Curve, "add", add)
    found = retrained(tmp_path, asked())
    assert found.num_failed == 2
    monkeypatch.undo()
    epochs.clear()

    def count(curve: Curve, point: CurvePoint) -> None:
        epochs.append(point.epoch)
        real(curve, point)

    monkeypatch.setattr(Curve, "add", count)
    again = resume(found.folder).retraining
    assert epochs == [EPOCHS, EPOCHS]
    assert content(again.folder).keys() == content(whole.folder).keys()
    assert [e.mean for e in again.estimates.values()] == [e.mean for e in whole.estimates.values()]
    assert not again.folder.checkpoints.exists()


def test_time_that_is_up_in_the_last_epoch_still_gives_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over: list[End] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.progress.epoch == EPOCHS:
            over.append(End(reason="time", message="the time is over"))

    monkeypatch.setattr(Stop, "end", property(lambda _: over[0] if over else None))
    ended = start(asked(), name="r", results_dir=tmp_path, listener=listen)
    assert ended.end.reason == "time"
    (one,) = ended.retraining.repetitions
    assert one.evaluation is not None
    bnas.load(ended.retraining.folder.networks / f"{one.digest}-seed1")
    over.clear()
    again = resume(ended.retraining.folder).retraining
    assert (again.num_failed, len(again.estimates)) == (0, 2)


def test_seeds_give_networks_of_their_own_and_an_interval(tmp_path: Path) -> None:
    found = retrained(tmp_path, asked("evaluator.epochs=1", num_seeds=2))
    for one in found.designs():
        assert one.estimate is not None
        assert one.estimate.seeds == (1, 2)
        assert one.estimate.interval is not None
        networks = [bnas.load(path) for path in one.networks]
        assert [n.facts.training.seed for n in networks if n.facts.training] == [1, 2]
        assert networks[0].facts.weights.sha256 != networks[1].facts.weights.sha256
    name = labels(found.configuration)
    assert [name(0), name(1), name(1001)] == ["4 seed 1", "4 seed 2", "6 seed 2"]


def test_the_agreement_is_kendalls(whole: Retraining) -> None:
    found = whole.agreement()
    assert (found.value, found.n) == (None, 0)
    scored = Retraining(whole.folder, whole.configuration)
    proxies = [0.3, 0.2]
    entries = [
        entry.model_copy(update={"proxy": proxy})
        for entry, proxy in zip(whole.configuration.designs, proxies, strict=True)
    ]
    scored.configuration = whole.configuration.model_copy(update={"designs": tuple(entries)})
    finals = [whole.estimates[entry.digest].mean for entry in entries]
    assert scored.agreement().value == pytest.approx(kendalltau(proxies, finals).statistic)


def test_a_retraining_is_no_search_and_says_so(whole: Retraining) -> None:
    path = whole.folder.path
    with pytest.raises(RunError) as caught:
        bnas.open_run(path)
    assert str(caught.value) == (
        f"a search is asked for, but {path} is a retraining; see it with `bnas front {path}`, or "
        "name the search"
    )


def test_settings_of_a_search_are_refused(whole: Retraining) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        resume(whole.folder, changes={"trials": 5})
    assert str(caught.value) == (
        "a retraining has no setting 'trials', which is one of searches; its own are address, "
        "checkpoint_s, device, engine, gpus_per_trial, max_time_s, workers"
    )


def scored_again(network: TrainedNetwork) -> NetworkScore:
    data = data_like_training(network.facts)
    assert data is not None
    return score_network(network, data)


def test_a_network_of_streamed_crops_is_tested_on_images_cut_as_in_its_training(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "images"
    write_folder(folder, {"train/dark": 12, "train/light": 12}, size=12)
    data = {"data": str(folder), "image_size": 8, "stream": True, "crop_scale": 0.5}
    settings = [f"evaluator.{key}={value}" for key, value in data.items()]
    (one, _) = retrained(tmp_path, asked("evaluator.epochs=1", *settings)).designs()
    network = bnas.load(one.networks[0])
    assert network.facts.test is not None
    again = scored_again(network)
    assert (again.accuracy, again.loss) == (network.facts.test.accuracy, network.facts.test.loss)


def test_a_network_trained_in_bfloat16_is_tested_as_it_is_loaded(tmp_path: Path) -> None:
    resolved = asked("evaluator.epochs=1", "evaluator.acceleration.precision=bfloat16")
    (one, _) = retrained(tmp_path, resolved).designs()
    network = bnas.load(one.networks[0])
    assert network.facts.test is not None
    again = scored_again(network)
    assert (again.accuracy, again.loss) == (network.facts.test.accuracy, network.facts.test.loss)


def test_a_network_trained_in_compiled_form_is_tested_as_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []

    def tail(unit: UnitModule, y: Tensor, skip: Tensor | None) -> Tensor:
        used.append(unit.training)
        return EAGER.tail(unit, y, skip)

    found = Compilation(regions=Regions(head=EAGER.head, tail=tail))
    monkeypatch.setattr(regions_module, "_compilation", lambda _: found)
    retrained(tmp_path, asked("evaluator.epochs=1", "evaluator.acceleration.compile=regions"))
    assert used
    assert all(used)
