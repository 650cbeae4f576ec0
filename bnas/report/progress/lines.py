"""Progress as plain text, one line a trial, for files, pipes and CI."""

from typing import TextIO

from bnas.report.formatting import clock, counted, label, percent, short_cost
from bnas.report.progress.tally import Snapshot, Tally
from bnas.search.events import Ended, Event, Noted, Skipped
from bnas.search.objectives import ACCURACY, ObjectiveName
from bnas.search.trials import COUNTED, TrialRecord

_LONGEST_ERROR = 200


class Lines:
    """Writes a line when a trial ends; infeasible and repeated proposals are only counted."""

    def __init__(
        self, tally: Tally, stream: TextIO, *, objectives: tuple[ObjectiveName, ...]
    ) -> None:
        self._tally = tally
        self._stream = stream
        self._objectives = objectives
        self._has_written = False

    def begin(self) -> None:
        """Writes nothing yet."""

    def tell(self, event: Event) -> None:
        """Writes what there is to say about an event."""
        if isinstance(event, Skipped | Noted):
            self._write(str(event))
        elif isinstance(event, Ended) and event.record.outcome in COUNTED:
            on_front = self._tally.is_on_front(event.record)
            text = trial_text(event.record, self._objectives, on_front=on_front)
            now = self._tally.snapshot()
            width = len(str(now.trials))
            self._write(f"[{now.done:{width}}/{now.trials}] {text}")

    def end(self) -> None:
        """Writes what all trials came to; nothing if there was nothing to write before."""
        if self._has_written:
            self._write(summary_text(self._tally.snapshot()))

    def _write(self, line: str) -> None:
        self._has_written = True
        self._stream.write(f"{line}\n")
        self._stream.flush()


def trial_text(
    record: TrialRecord, objectives: tuple[ObjectiveName, ...], *, on_front: bool = False
) -> str:
    """What became of a trial, in one line."""
    name = f" ({record.candidate})" if record.candidate is not None else ""
    head = f"trial {record.number} {record.digest}{name}"
    evaluation = record.evaluation
    if record.outcome == "failed" or evaluation is None:
        return f"{head} {record.outcome}: {_first_line(record.error or 'no reason given')}"
    costs = ", ".join(
        f"{short_cost(name, record.costs.value(name))} {label(name)}"
        for name in objectives
        if name != ACCURACY
    )
    spent = f"{counted(evaluation.epochs, 'epoch')} in {clock(evaluation.seconds)}"
    stopped = "stopped: " if record.outcome == "stopped" else ""
    front = ", on the front" if on_front else ""
    return f"{head}: {stopped}{percent(evaluation.accuracy)} %, {costs}, {spent}{front}"


def summary_text(now: Snapshot) -> str:
    """What a search has come to so far, in one line."""
    counts = [f"{number:,} {outcome}" for outcome, number in now.counts.items() if number]
    best = [] if now.best is None else [f"best {percent(now.best)} %", f"front {now.num_front}"]
    parts = [", ".join(counts), *best, clock(now.elapsed)]
    return f"{now.done}/{now.trials} trials: " + "; ".join(part for part in parts if part)


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else text
    return line if len(line) <= _LONGEST_ERROR else f"{line[:_LONGEST_ERROR]} ..."
