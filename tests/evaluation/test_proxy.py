"""Proxy training of real architectures on the digits and on the user's own images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bnas.architecture import Architecture, Stage, Stem, Unit, scaled
from bnas.cost import ledger
from bnas.errors import EvaluationFailed, InvalidData
from bnas.evaluation import EvaluatorDefinition, ProxyTraining, trial
from bnas.search import Progress
from bnas.training.loop import Score
from tests.data.writing import write_folder

SMALL = Architecture(
    skeleton="resnet",
    stem=Stem(width=8),
    stages=(
        Stage(depth=1, width=8, unit=Unit(nonlinearity="prelu", placement="after-addition")),
        Stage(depth=1, width=16, stride=2, downsampling="duplicate", widening="convolution"),
    ),
)


def definition(**changes: object) -> EvaluatorDefinition:
    settings: dict[str, object] = {
        "name": "quick",
        "description": "A test",
        "data": "digits",
        "epochs": 2,
        "recipe": {
            "optimizer": "adam",
            "learning_rate": 0.01,
            "schedule": "cosine",
            "batch_size": 64,
        },
    }
    return EvaluatorDefinition.model_validate(settings | changes)


@pytest.fixture
def evaluator() -> ProxyTraining:
    return definition().build()


def go_on(_: Progress) -> bool:
    return True


def test_cost_is_the_ledger_at_the_size_of_the_data(evaluator: ProxyTraining) -> None:
    expected = ledger(SMALL, image_size=8, num_classes=10, in_channels=1).totals
    assert evaluator.cost(SMALL) == expected


def test_trains_and_reports_every_epoch(evaluator: ProxyTraining) -> None:
    seen: list[Progress] = []

    def report(progress: Progress) -> bool:
        seen.append(progress)
        return True

    found = evaluator.evaluate(SMALL, seed=0, report=report)
    assert [progress.epoch for progress in seen] == [1, 2]
    assert (found.accuracy, found.loss) == (seen[-1].accuracy, seen[-1].loss)
    assert found.epochs == evaluator.epochs == 2
    assert 0.3 < found.accuracy <= 1
    assert 0 < seen[0].seconds < seen[1].seconds <= found.seconds


def test_a_width_factor_trains_a_narrower_design_at_the_costs_of_the_whole() -> None:
    narrow, whole = definition(width_factor=0.5).build(), definition().build()
    assert narrow.cost(SMALL) == whole.cost(SMALL)
    found = narrow.evaluate(SMALL, seed=0, report=go_on)
    assert found.loss == whole.evaluate(scaled(SMALL, 0.5), seed=0, report=go_on).loss


def test_stops_when_asked(evaluator: ProxyTraining) -> None:
    found = evaluator.evaluate(SMALL, seed=0, report=lambda _: False)
    assert found.epochs == 1


def test_same_seed_gives_the_same_bits(evaluator: ProxyTraining) -> None:
    first, again, other = (evaluator.evaluate(SMALL, seed=seed, report=go_on) for seed in (5, 5, 6))
    assert (first.accuracy, first.loss) == (again.accuracy, again.loss)
    assert first.loss != other.loss


@pytest.mark.usefixtures("untouched_global_random")
def test_threads_and_global_random_state_are_left_as_they_were() -> None:
    threads = torch.get_num_threads()
    used: list[int] = []

    def report(_: Progress) -> bool:
        used.append(torch.get_num_threads())
        return True

    try:
        torch.set_num_threads(1)
        definition(threads=2).build().evaluate(SMALL, seed=0, report=report)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
    assert used == [2, 2]


def test_threads_are_restored_after_a_failure(evaluator: ProxyTraining) -> None:
    def interrupt(_: Progress) -> bool:
        raise KeyboardInterrupt

    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        evaluator.evaluate(SMALL, seed=0, report=interrupt)
    assert torch.get_num_threads() == threads


def test_divergence_is_a_failure() -> None:
    recipe = {
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 1e30,
        "schedule": "constant",
        "batch_size": 64,
    }
    with pytest.raises(EvaluationFailed, match=r"^the training loss must stay finite, but is "):
        definition(recipe=recipe).build().evaluate(SMALL, seed=0, report=go_on)


def test_divergence_in_validation_names_the_epoch(
    evaluator: ProxyTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Score(accuracy=0.1, loss=float("inf"))
    monkeypatch.setattr(trial, "score", lambda *_: broken)
    with pytest.raises(EvaluationFailed) as caught:
        evaluator.evaluate(SMALL, seed=0, report=go_on)
    assert str(caught.value) == (
        "the validation loss must stay finite, but is inf after epoch 1; "
        "lower learning_rate (now 0.01) or raise warmup (now 0)"
    )


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Path]:
    """Write images whose class is their brightness."""

    def write(num_classes: int = 3, size: int = 6) -> Path:
        rng = np.random.default_rng(0)
        y = np.arange(90) % num_classes
        x = rng.integers(0, 40, (90, size, size, 3)) + 60 * y[:, None, None, None]
        np.savez_compressed(tmp_path / "own.npz", x=x.astype(np.uint8), y=y)
        return tmp_path / "own.npz"

    return write


def test_own_images(own: Callable[..., Path]) -> None:
    evaluator = definition(data=str(own()), epochs=5).build()
    expected = ledger(SMALL, image_size=6, num_classes=3, in_channels=3).totals
    assert evaluator.cost(SMALL) == expected
    assert evaluator.evaluate(SMALL, seed=0, report=go_on).accuracy > 0.6


def test_streamed_images_train_as_those_in_memory(tmp_path: Path) -> None:
    write_folder(tmp_path, {"dark": 20, "light": 20}, size=6)
    found = [
        definition(data=str(tmp_path), image_size=6, stream=stream)
        .build()
        .evaluate(SMALL, seed=0, report=go_on)
        for stream in (False, True)
    ]
    assert found[0].loss == found[1].loss


def test_images_that_change_during_a_search_are_noticed(own: Callable[..., Path]) -> None:
    file = own()
    evaluator = definition(data=str(file)).build()
    evaluator.evaluate(SMALL, seed=0, report=go_on)
    own(num_classes=4, size=7)
    with pytest.raises(InvalidData) as caught:
        evaluator.evaluate(SMALL, seed=0, report=go_on)
    assert str(caught.value) == (
        f"{file}: the data must stay as they were when the search began, "
        "Facts(image_size=6, in_channels=3, num_classes=3), but are "
        "Facts(image_size=7, in_channels=3, num_classes=4); begin a new run"
    )
    file.unlink()
    with pytest.raises(InvalidData, match="No such file or directory"):
        evaluator.evaluate(SMALL, seed=0, report=go_on)
