"""One design over two processes by Ray Train: the loss of one process, and one writer."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bnas.architecture import Design
from bnas.errors import EvaluationFailed, InvalidConfiguration
from bnas.export.loading import load
from bnas.runs.curves import read_curve
from bnas.runs.retraining.resolution import resolve
from bnas.runs.retraining.result import open_retraining
from bnas.runs.retraining.retrain import start
from bnas.runs.sharing import SharedTraining
from bnas.search.port import Checkpoint, Progress
from bnas.search.ray_environment import ray_environment
from bnas.search.settings import SearchSettings
from tests.runs.shareable import DESIGN, Noting, training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # Ray Train makes the settings of Ray Data, which warn of their own defaults.
    pytest.mark.filterwarnings("ignore::Warning:ray.data.context"),
]


@pytest.fixture(scope="module", autouse=True)
def _one_cluster() -> Iterator[None]:
    """Ray starts once for all tests: each evaluation connects to what is there."""
    settings = SearchSettings(workers=2)
    with ray_environment(settings):
        from bnas.search.ray_cluster import cluster

        with cluster(settings):
            yield


def listening(to: list[Progress]) -> Callable[[Progress], bool]:
    def report(progress: Progress) -> bool:
        to.append(progress)
        return True

    return report


def shared(evaluator: Noting, **settings: object) -> SharedTraining:
    return SharedTraining(
        evaluator=evaluator,
        processes=2,
        threads=1,
        settings=SearchSettings.model_validate(settings),
    )


def test_two_processes_have_the_loss_of_one_and_go_on_from_its_checkpoint(tmp_path: Path) -> None:
    # Long enough that the word to stop, which is on its way for some epochs, comes before the end.
    num_epochs, num_compared = 20, 3
    alone: list[Progress] = []

    def until_compared(progress: Progress) -> bool:
        alone.append(progress)
        return progress.epoch < num_compared

    training(num_epochs, batch_size=300).evaluate(DESIGN, seed=0, report=until_compared)

    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    checkpoint = Checkpoint(folder=checkpoints / "1", interval_s=0)
    together: list[Progress] = []
    evaluator = shared(Noting(training(num_epochs, batch_size=300), tmp_path))

    def stop_at_once(progress: Progress) -> bool:
        together.append(progress)
        return False

    cut = evaluator.evaluate(DESIGN, seed=0, report=stop_at_once, checkpoint=checkpoint)
    assert cut.epochs == len(together) < num_epochs
    written = (tmp_path / "losses").read_text().splitlines()
    assert [float(line.split()[1]) for line in written] == [p.loss for p in together]

    again: list[Progress] = []
    two = evaluator.evaluate(DESIGN, seed=0, report=listening(again), checkpoint=checkpoint)
    assert again[0] == together[0]  # replayed from the checkpoint, its seconds too
    assert [p.loss for p in again[: len(together)]] == [p.loss for p in together]
    assert [p.epoch for p in again] == list(range(1, num_epochs + 1))
    assert two.epochs == num_epochs
    # In single precision the order of additions changes a sign here and there.
    early = again[:num_compared]
    assert [p.loss for p in early] == pytest.approx([p.loss for p in alone], rel=0.05)
    assert early[-1].accuracy == pytest.approx(alone[-1].accuracy, abs=0.05)


def test_a_process_that_is_killed_costs_no_epoch_that_was_kept(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    checkpoint = Checkpoint(folder=tmp_path / "checkpoints" / "1", interval_s=0)
    heard: list[Progress] = []

    def kill_once(progress: Progress) -> bool:
        heard.append(progress)
        if len(heard) == 2:  # the state of the first epoch is written
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        return True

    found = shared(Noting(training(60, batch_size=300), tmp_path)).evaluate(
        DESIGN, seed=0, report=kill_once, checkpoint=checkpoint
    )
    assert found.epochs == 60
    epochs = [progress.epoch for progress in heard]
    again = epochs.index(1, 1)  # all are started again, and report from the first epoch on
    assert epochs[again:] == list(range(1, 61))
    assert heard[again] == heard[0]


def test_a_training_that_diverges_says_so_in_its_own_words(tmp_path: Path) -> None:
    broken = training(2, optimizer="sgd", momentum=0.9, learning_rate=1e30)
    with pytest.raises(EvaluationFailed, match=r"^the training loss must stay finite, but is "):
        shared(Noting(broken, tmp_path)).evaluate(DESIGN, seed=0, report=lambda _: True)


def test_gpus_that_are_not_there_are_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        shared(Noting(training(1), tmp_path), device="cuda").evaluate(
            DESIGN, seed=0, report=lambda _: True
        )
    assert str(caught.value) == (
        "2 processes need 2 GPUs together, but the cluster has 0; take fewer processes or "
        "threads, or a larger cluster"
    )


def test_a_retraining_by_two_processes_leaves_what_one_leaves(tmp_path: Path) -> None:
    design = Design(name="small", architecture=DESIGN, image_size=8, num_classes=10, in_channels=1)
    resolved = resolve(
        run=None,
        designs=[design],
        evaluator="digits",
        assignments=["evaluator.epochs=2", "evaluator.recipe.batch_size=300"],
        processes=2,
    )
    ended = start(resolved, name="shared", results_dir=tmp_path)
    (network,) = ended.retraining.folder.networks.iterdir()
    assert [point.epoch for point in read_curve(network)] == [1, 2]
    (found,) = ended.retraining.final
    tested = load(network).facts.test
    assert tested is not None
    assert found.evaluation is not None
    assert tested.accuracy == found.evaluation.accuracy
    assert open_retraining(ended.retraining.folder).configuration.processes == 2
