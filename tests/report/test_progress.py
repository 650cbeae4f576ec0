import io
import os
import pty
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TextIO

import pytest
from rich.console import Console

from bnas.report.progress import Progress
from bnas.report.progress.live import frame
from bnas.report.progress.tally import Tally
from bnas.search import port
from bnas.search.events import Ended, EpochEnded, Event, Skipped, Started
from bnas.search.port import Evaluation
from bnas.search.settings import Band, SearchSettings
from bnas.search.trials import TrialRecord
from tests.report.fakes import changed


def search(records: list[TrialRecord]) -> Iterator[Event]:
    """What a search of some records would tell, one trial after the other."""
    for record in records:
        if record.outcome in {"finished", "failed", "stopped"}:
            yield Started(record=changed(record, outcome="running", evaluation=None))
            step = port.Progress(epoch=1, accuracy=0.5, loss=1.0, seconds=0.5)
            yield EpochEnded(number=record.number, progress=step)
        yield Ended(record=record)


def trial(record: TrialRecord, number: int, accuracy: float, ops: float) -> TrialRecord:
    return changed(
        record,
        number=number,
        digest=f"{number:012x}",
        outcome="finished",
        candidate=None,
        evaluation=Evaluation(accuracy=accuracy, loss=0.1, epochs=8, seconds=4.2),
        costs=replace(record.costs, ops=ops),
    )


@pytest.fixture
def few(records: list[TrialRecord]) -> list[TrialRecord]:
    """A first candidate, one better, one worse, one of each other outcome."""
    first = records[0]
    failed = {"outcome": "failed", "evaluation": None, "error": "EvaluationFailed: NaN\nmore"}
    return [
        changed(trial(first, 0, 0.9, 21_376.0), candidate="bireal-small"),
        trial(first, 1, 0.95, 20_000.0),
        trial(first, 2, 0.5, 30_000.0),
        changed(trial(first, 3, 0.5, 30_000.0), **failed),
        changed(trial(first, 4, 0.5, 9e9), outcome="infeasible", evaluation=None),
        changed(trial(first, 5, 0.95, 20_000.0), outcome="duplicate", duplicate_of=1),
        changed(trial(first, 6, 0.4, 10_000.0), outcome="stopped"),
    ]


def test_a_file_gets_a_line_a_trial_and_a_summary(few: list[TrialRecord]) -> None:
    stream = io.StringIO()
    with Progress(SearchSettings(trials=10), stream=stream) as progress:
        progress(
            Skipped(name="bireal-18", cost="ops", value=405_888.0, bound=Band(maximum=200_000))
        )
        for event in search(few):
            progress(event)
    lines = stream.getvalue().splitlines()
    spent = "8 epochs in 0:04"
    assert re.sub(r"; \d:\d\d$", "; 0:00", lines.pop()) == (
        "5/10 trials: 3 finished, 1 stopped, 1 failed, 1 infeasible, 1 duplicate; "
        "best 95.00 %; front 1; 0:00"
    )
    assert lines == [
        "skipped bireal-18: ops must be at most 200,000, but is 405,888",
        f"[ 1/10] trial 0 {'0' * 12} (bireal-small): 90.00 %, 21.4k OPs, {spent}, on the front",
        "[ 2/10] trial 1 000000000001: 95.00 %, 20k OPs, 8 epochs in 0:04, on the front",
        "[ 3/10] trial 2 000000000002: 50.00 %, 30k OPs, 8 epochs in 0:04",
        "[ 4/10] trial 3 000000000003 failed: EvaluationFailed: NaN",
        "[ 5/10] trial 6 000000000006: stopped: 40.00 %, 10k OPs, 8 epochs in 0:04",
    ]


def test_a_search_that_ends_before_it_began_leaves_no_line() -> None:
    stream = io.StringIO()
    with Progress(SearchSettings(trials=10), stream=stream):
        pass
    assert stream.getvalue() == ""


def test_long_errors_are_cut(few: list[TrialRecord]) -> None:
    stream = io.StringIO()
    with Progress(SearchSettings(trials=1), stream=stream) as progress:
        progress(Ended(record=changed(few[3], error="x" * 1000)))
    assert f" failed: {'x' * 200} ...\n" in stream.getvalue()


def test_earlier_trials_count(few: list[TrialRecord]) -> None:
    stream = io.StringIO()
    with Progress(SearchSettings(trials=10), earlier=few[:3], stream=stream) as progress:
        progress(Ended(record=few[3]))
    assert stream.getvalue().startswith("[ 4/10] trial 3 ")


def test_other_objectives_are_shown(few: list[TrialRecord]) -> None:
    stream = io.StringIO()
    settings = SearchSettings(objectives=("accuracy", "packed_bytes", "bops"))
    with Progress(settings, stream=stream) as progress:
        progress(Ended(record=few[0]))
    assert ": 90.00 %, 14.3 kB packed bytes, 737k BOPs, " in stream.getvalue()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_follows_from_the_pace_since_the_first_trial(
    few: list[TrialRecord],
) -> None:
    clock = Clock()
    tally = Tally(trials=5, objectives=("accuracy", "ops"), earlier=few[:1], clock=clock)
    clock.now += 60.0
    assert tally.snapshot().left is None
    tally.learn(Started(record=few[1]))
    clock.now += 10.0
    tally.learn(Started(record=few[2]))
    tally.learn(
        EpochEnded(number=2, progress=port.Progress(epoch=3, accuracy=0.5, loss=1.0, seconds=1.0))
    )
    tally.learn(Ended(record=few[1]))
    clock.now += 2.0
    now = tally.snapshot()
    assert (now.done, now.left, now.elapsed) == (2, 36.0, 72.0)
    (running,) = now.running
    assert (running.record.number, running.epoch, running.accuracy) == (2, 3, 0.5)
    assert running.seconds == 2.0


def test_no_more_time_is_left_than_the_limit_allows(few: list[TrialRecord]) -> None:
    clock = Clock()
    tally = Tally(trials=100, objectives=("accuracy", "ops"), max_time_s=60.0, clock=clock)
    assert tally.snapshot().left == 60.0
    tally.learn(Started(record=few[0]))
    clock.now += 10.0
    tally.learn(Ended(record=few[0]))
    assert tally.snapshot().left == 50.0
    clock.now += 55.0
    assert tally.snapshot().left == 0.0


def test_the_front_and_the_counts_are_those_of_the_search(records: list[TrialRecord]) -> None:
    from bnas.search.front import front
    from bnas.search.trials import counts

    tally = Tally(trials=30, objectives=("accuracy", "ops"))
    for event in search(records):
        tally.learn(event)
    now = tally.snapshot()
    assert now.counts == counts(records)
    assert now.num_front == len(front(records, ("accuracy", "ops")))
    assert now.done == 30
    assert now.left == 0.0
    assert now.running == ()


def drawn(tally: Tally, **options: int) -> str:
    console = Console(file=io.StringIO(), width=100, markup=False, highlight=False)
    with console.capture() as capture:
        console.print(frame(tally.snapshot(), **options))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_the_picture_of_a_moment(few: list[TrialRecord]) -> None:
    clock = Clock()
    tally = Tally(trials=10, objectives=("accuracy", "ops"), clock=clock)
    assert drawn(tally).splitlines()[1] == "starting ..."
    for event in search(few):
        tally.learn(event)
    clock.now += 75.0
    for number in range(7, 17):
        tally.learn(Started(record=changed(few[0], number=number)))
    step = port.Progress(epoch=2, accuracy=0.625, loss=1.0, seconds=1.0)
    tally.learn(EpochEnded(number=8, progress=step))
    clock.now += 5.0
    assert drawn(tally, epochs=8).splitlines() == [
        "━" * 16 + " " * 16 + "  5/10 trials  1:20  about 1:20 left",
        "best 95.00 %   front 1   1 stopped   1 failed   1 infeasible   1 duplicate",
        " trial 7  000000000000  epoch 0/8           0:05  bireal-small",
        " trial 8  000000000000  epoch 2/8  62.50 %  0:05  bireal-small",
        *(
            f"{f'trial {n}':>8}  000000000000  epoch 0/8           0:05  bireal-small"
            for n in range(9, 15)
        ),
        "and 2 more",
    ]


def test_after_the_last_trial_the_engine_is_waited_for(few: list[TrialRecord]) -> None:
    tally = Tally(trials=1, objectives=("accuracy", "ops"), clock=Clock())
    tally.learn(Started(record=few[0]))
    tally.learn(Ended(record=few[0]))
    assert drawn(tally).splitlines()[0] == "━" * 32 + "  1/1 trials  0:00  finishing ..."


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TextIO, int]]:
    """A terminal to write to, and the file descriptor that what it shows is read from."""
    reader, writer = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream, reader
    os.close(reader)


def shown(reader: int) -> str:
    os.set_blocking(reader, False)
    found = b""
    try:
        while chunk := os.read(reader, 65_536):
            found += chunk
    except BlockingIOError:
        pass
    return found.decode()


def test_a_terminal_gets_a_picture_and_failures_as_lines(
    few: list[TrialRecord], terminal: tuple[TextIO, int]
) -> None:
    stream, reader = terminal
    before = threading.active_count()
    output, errors = sys.stdout, sys.stderr
    with Progress(SearchSettings(trials=10), epochs=8, stream=stream) as progress:
        for event in search(few):
            progress(event)
        time.sleep(0.6)
    text = shown(reader)
    assert "\x1b[?25l" in text  # the cursor hides
    assert text.rindex("\x1b[?25h") > text.rindex("5/10 trials")  # and comes back
    assert "trial 3 000000000003 failed: EvaluationFailed: NaN" in text
    assert threading.active_count() == before
    assert (sys.stdout, sys.stderr) == (output, errors)


def test_a_search_that_fails_at_once_leaves_nothing_on_the_terminal(
    terminal: tuple[TextIO, int],
) -> None:
    stream, reader = terminal

    def fail() -> None:
        with Progress(SearchSettings(trials=10), stream=stream):
            raise RuntimeError("wrong from the start")

    with pytest.raises(RuntimeError):
        fail()
    assert shown(reader) == ""


def test_a_search_that_fails_before_its_first_trial_clears_the_picture(
    terminal: tuple[TextIO, int],
) -> None:
    stream, reader = terminal
    with Progress(SearchSettings(trials=10), stream=stream):
        time.sleep(0.8)
    text = shown(reader)
    last = text.rindex("starting ...")
    assert text[last:].count("\x1b[2K") >= 2  # its lines are erased


def test_a_dumb_terminal_gets_lines(
    few: list[TrialRecord], terminal: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, reader = terminal
    monkeypatch.setenv("TERM", "dumb")
    with Progress(SearchSettings(trials=10), stream=stream) as progress:
        progress(Ended(record=few[0]))
    text = shown(reader)
    assert text.startswith("[ 1/10] trial 0 ")
    assert "\x1b" not in text


class Full(io.StringIO):
    """A stream on a disk without space."""

    def write(self, text: str) -> int:  # noqa: ARG002
        raise OSError(28, "No space left on device")


def test_a_search_goes_on_where_progress_cannot_be_shown(
    few: list[TrialRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress(SearchSettings(trials=10), stream=Full()) as progress:
        for event in search(few):
            progress(event)
    assert capsys.readouterr().err == (
        "the progress display ended early: OSError: [Errno 28] No space left on device\n"
    )


def test_a_search_goes_on_when_its_terminal_is_gone(
    few: list[TrialRecord],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = os.fdopen(writer, "w", encoding="utf-8")
    before = threading.active_count()
    with Progress(SearchSettings(trials=10), stream=stream) as progress:
        progress(Started(record=few[0]))
        os.close(reader)
        time.sleep(0.6)
        for event in search(few):
            progress(event)
    assert "the progress display ended early: OSError: [Errno 5]" in capsys.readouterr().err
    assert threading.active_count() == before
    with pytest.raises(OSError, match="Input/output error"):
        stream.close()
