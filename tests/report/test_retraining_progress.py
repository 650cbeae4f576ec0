"""Progress of a retraining in a pipe: lines, and the time that is left."""

import io

import pytest

from bnas.report.progress import RetrainingProgress
from bnas.search.events import Ended, EpochEnded
from bnas.search.port import Evaluation, Progress
from tests.report.fakes import changed, fake_records


def epoch(number: int, done: int, *, seconds: float) -> EpochEnded:
    progress = Progress(epoch=done, accuracy=float("nan"), loss=0.5, seconds=seconds)
    return EpochEnded(number=number, progress=progress)


def ended(number: int, accuracy: float | None) -> Ended:
    evaluation = None
    if accuracy is not None:
        evaluation = Evaluation(accuracy=accuracy, loss=0.5, epochs=10, seconds=1.0)
    record = changed(fake_records(1)[0], number=number, evaluation=evaluation)
    return Ended(record=changed(record, error=None if evaluation else "EvaluationFailed: NaN"))


def test_a_line_now_and_then_and_one_for_each_that_ended() -> None:
    stream, now = io.StringIO(), [0.0]
    with RetrainingProgress(
        lambda number: f"design {number}",
        wanted=4,
        epochs=10,
        workers=2,
        stream=stream,
        clock_s=lambda: now[0],
    ) as progress:
        # An epoch takes 60 s: 10 epochs of three and 9 of the one at work, by two workers.
        progress(epoch(0, 1, seconds=60.0))
        progress(epoch(0, 2, seconds=120.0))
        now[0] = 61.0
        # Reported again after an interruption, which costs no time now.
        progress(epoch(0, 5, seconds=300.0))
        progress(ended(0, 0.9125))
        progress(ended(1, None))
    assert stream.getvalue().splitlines() == [
        "design 0: epoch 1/10, loss 0.500; about 19:30 left",
        "design 0: epoch 5/10, loss 0.500; about 17:30 left",
        "[1/4] design 0: 91.25 % on the test split; about 15:00 left",
        "[2/4] design 1 failed: EvaluationFailed: NaN",
    ]


def test_it_never_ends_a_retraining(capsys: pytest.CaptureFixture[str]) -> None:
    closed = io.StringIO()
    closed.close()
    with RetrainingProgress(str, wanted=1, epochs=1, workers=1, stream=io.StringIO()) as progress:
        progress._stream = closed
        progress(epoch(0, 1, seconds=1.0))
        progress(ended(0, 1.0))
    message = "the progress display ended early: ValueError: I/O operation on closed file\n"
    assert capsys.readouterr().err == message
