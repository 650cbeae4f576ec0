"""Trials of proxy training that are cut short and gone on with."""

from dataclasses import replace
from pathlib import Path

import pytest

from bnas.evaluation import ProxyTraining
from bnas.search import Checkpoint, Evaluation, Progress
from tests.evaluation.test_proxy import SMALL, definition


class Cut(BaseException):
    """Stands for whatever ends a process."""


@pytest.fixture
def evaluator() -> ProxyTraining:
    return definition(epochs=4).build()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(folder=tmp_path / "7", interval_s=0.0)


def evaluated(
    evaluator: ProxyTraining,
    checkpoint: Checkpoint | None,
    *,
    cut_after: int | None = None,
    seed: int = 0,
) -> tuple[Evaluation, list[Progress]]:
    reported: list[Progress] = []

    def report(progress: Progress) -> bool:
        if progress.epoch - 1 == cut_after:
            raise Cut
        reported.append(progress)
        return True

    found = evaluator.evaluate(SMALL, seed=seed, report=report, checkpoint=checkpoint)
    return found, reported


def interrupt(evaluator: ProxyTraining, checkpoint: Checkpoint, *, after: int) -> None:
    with pytest.raises(Cut):
        evaluated(evaluator, checkpoint, cut_after=after)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_trial_goes_on_to_the_same_bits(
    evaluator: ProxyTraining, checkpoint: Checkpoint, after: int
) -> None:
    whole, expected = evaluated(evaluator, None)
    interrupt(evaluator, checkpoint, after=after)
    resumed, reported = evaluated(evaluator, checkpoint)
    assert replace(resumed, seconds=0.0) == replace(whole, seconds=0.0)
    assert [replace(p, seconds=0.0) for p in reported] == [
        replace(p, seconds=0.0) for p in expected
    ]
    assert [p.seconds for p in reported] == sorted(p.seconds for p in reported)
    assert resumed.seconds == reported[-1].seconds


def test_epochs_before_the_checkpoint_are_not_trained_again(
    evaluator: ProxyTraining, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bnas.training import loop

    interrupt(evaluator, checkpoint, after=3)
    trained: list[int] = []
    real = loop._train_epoch

    def count(training: loop.Training, *rest: object) -> float:
        trained.append(training.epoch + 1)
        return real(training, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "_train_epoch", count)
    evaluated(evaluator, checkpoint)
    assert trained == [4]


def test_one_state_is_kept_and_none_after_the_last_epoch(
    evaluator: ProxyTraining, checkpoint: Checkpoint
) -> None:
    interrupt(evaluator, checkpoint, after=3)
    assert [path.name for path in checkpoint.folder.iterdir()] == ["state.pt"]
    before = (checkpoint.folder / "state.pt").read_bytes()
    evaluated(evaluator, checkpoint)
    assert (checkpoint.folder / "state.pt").read_bytes() == before


def test_it_is_not_written_more_often_than_asked(
    evaluator: ProxyTraining, checkpoint: Checkpoint
) -> None:
    interrupt(evaluator, replace(checkpoint, interval_s=1000.0), after=3)
    assert not checkpoint.folder.exists()


def test_where_the_run_is_not_seen_nothing_is_kept(
    evaluator: ProxyTraining, tmp_path: Path
) -> None:
    elsewhere = Checkpoint(folder=tmp_path / "no" / "7", interval_s=0.0)
    evaluated(evaluator, elsewhere)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_costs_no_trial(
    evaluator: ProxyTraining, checkpoint: Checkpoint
) -> None:
    checkpoint.folder.write_text("a file where the folder should be", encoding="utf-8")
    assert evaluated(evaluator, checkpoint)[0].epochs == 4


def test_after_damage_the_trial_begins_anew_and_says_so(
    evaluator: ProxyTraining, checkpoint: Checkpoint
) -> None:
    whole, _ = evaluated(evaluator, None)
    interrupt(evaluator, checkpoint, after=2)
    path = checkpoint.folder / "state.pt"
    path.write_bytes(path.read_bytes()[:-1])
    anew, reported = evaluated(evaluator, checkpoint)
    assert replace(anew, seconds=0.0) == replace(whole, seconds=0.0)
    assert [progress.note for progress in reported] == [
        f"the checkpoint {path} is damaged; its trial begins anew",
        None,
        None,
        None,
    ]


@pytest.mark.parametrize("change", ["seed", "recipe"])
def test_the_state_of_something_else_is_not_gone_on_from(
    evaluator: ProxyTraining, checkpoint: Checkpoint, change: str
) -> None:
    interrupt(evaluator, checkpoint, after=2)
    seed = 1 if change == "seed" else 0
    other = definition(epochs=4 if change == "seed" else 3).build()
    _, reported = evaluated(other, checkpoint, seed=seed)
    assert reported[0].note == (
        f"the checkpoint {checkpoint.folder / 'state.pt'} is that of another evaluator or seed; "
        "its trial begins anew"
    )
