"""Progress of a retraining: how far each training is, and the time that is left."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO, final

from bnas.report.formatting import clock, percent
from bnas.report.progress.shown import Shown
from bnas.search.events import Ended, EpochEnded, Event
from bnas.search.trials import TrialRecord

if TYPE_CHECKING:
    from rich.progress import TaskID

_SECONDS_BETWEEN_LINES: Final = 60.0
_LONGEST_ERROR: Final = 200


@final
class RetrainingProgress(Shown):
    """Shows what happens, as a listener: `with RetrainingProgress(...) as progress: ...`.

    A terminal shows how far each training is; elsewhere there is a line for each training that
    has ended, and one a minute in between.
    """

    def __init__(
        self,
        label: Callable[[int], str],
        *,
        wanted: int,
        done: int = 0,
        epochs: int,
        workers: int,
        stream: TextIO | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Shows nothing yet.

        Args:
            label: What the training of a number is called.
            wanted: Trainings that were asked for.
            done: Those of earlier calls.
            epochs: Length of a training.
            workers: Trainings at once.
            stream: Where to show it; the standard error if None.
            clock_s: Tells the time in seconds.
        """
        super().__init__()
        self._label = label
        self._stream = stream or sys.stderr
        self._tally = _Tally(wanted=wanted, done=done, epochs=epochs, workers=workers)
        self._epochs = epochs
        self._clock_s = clock_s
        self._next_line = clock_s()
        self._live: _Bars | None = None

    def _begin(self) -> None:
        if self._stream.isatty():
            self._live = _Bars(self._stream, self._tally, self._epochs)

    def _end(self) -> None:
        if self._live is not None:
            self._live.end()

    def _take(self, event: Event) -> None:
        if isinstance(event, EpochEnded):
            self._tally.advance(event)
            self._on_epoch(event)
        elif isinstance(event, Ended):
            self._tally.end(event.record.number)
            self._write(self._ended(event.record))
            if self._live is not None:
                self._live.remove(event.record.number)

    def _on_epoch(self, event: EpochEnded) -> None:
        progress, label = event.progress, self._label(event.number)
        if progress.note is not None:
            self._write(f"{label}: {progress.note}")
        if self._live is not None:
            self._live.show(event.number, label, progress.epoch, progress.loss)
        elif (now := self._clock_s()) >= self._next_line:
            self._next_line = now + _SECONDS_BETWEEN_LINES
            where = f"epoch {progress.epoch}/{self._epochs}, loss {progress.loss:.3f}"
            self._write(f"{label}: {where}{self._left()}")

    def _ended(self, record: TrialRecord) -> str:
        tally, found = self._tally, record.evaluation
        head = f"[{tally.done}/{tally.wanted}] {self._label(record.number)}"
        if found is None:
            text = (record.error or "no reason given").strip().splitlines()[0]
            return f"{head} failed: {text[:_LONGEST_ERROR]}"
        return f"{head}: {percent(found.accuracy)} % on the test split{self._left()}"

    def _left(self) -> str:
        left = self._tally.left
        return f"; about {clock(left)} left" if left else ""

    def _write(self, line: str) -> None:
        if self._live is not None:
            self._live.print(line)
            return
        self._stream.write(f"{line}\n")
        self._stream.flush()


class _Tally:
    """How many epochs there are still to train, and what they take.

    The time of an epoch is what its training says, which counts no epoch that is only reported
    again after an interruption.
    """

    def __init__(self, *, wanted: int, done: int, epochs: int, workers: int) -> None:
        self.wanted = wanted
        self.done = done
        self._epochs = epochs
        self._workers = workers
        self._running: dict[int, int] = {}
        self._pace: dict[int, float] = {}

    def advance(self, event: EpochEnded) -> None:
        """A training has done an epoch."""
        self._running[event.number] = event.progress.epoch
        self._pace[event.number] = event.progress.seconds / event.progress.epoch

    def end(self, number: int) -> None:
        """A training has ended."""
        self._running.pop(number, None)
        self.done += 1

    @property
    def left(self) -> float | None:
        """Seconds until all have ended, at the pace so far; None while nothing is known."""
        if not self._pace:
            return None
        pace = sum(self._pace.values()) / len(self._pace)
        waiting = max(0, self.wanted - self.done - len(self._running))
        seconds = waiting * self._epochs * pace
        for number, epoch in self._running.items():
            seconds += (self._epochs - epoch) * self._pace[number]
        return seconds / max(1, min(self._workers, self.wanted - self.done))


class _Bars:
    """A bar for each training at work, and a line of text for all, drawn by rich."""

    def __init__(self, stream: TextIO, tally: _Tally, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._tally = tally
        self._epochs = epochs
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[text]}"),
            console=Console(file=stream, markup=False, highlight=False, emoji=False),
            transient=True,
        )
        self._all = self._progress.add_task("all", total=tally.wanted, text="starting ...")
        self._tasks: dict[int, TaskID] = {}
        self._progress.start()

    def show(self, number: int, label: str, epoch: int, loss: float) -> None:
        """Shows how far a training is."""
        if number not in self._tasks:
            self._tasks[number] = self._progress.add_task(label, total=self._epochs, text="")
        text = f"epoch {epoch}/{self._epochs}  loss {loss:.3f}"
        self._progress.update(self._tasks[number], completed=epoch, text=text)
        self._show_all()

    def remove(self, number: int) -> None:
        """Shows one no more that has ended."""
        if number in self._tasks:
            self._progress.remove_task(self._tasks[number])
            del self._tasks[number]
        self._show_all()

    def print(self, line: str) -> None:
        """Leaves a line above the bars."""
        self._progress.console.print(line)

    def end(self) -> None:
        """Takes the bars away."""
        self._progress.stop()

    def _show_all(self) -> None:
        left = self._tally.left
        time_left = "" if left is None else f"  about {clock(left)} left"
        text = f"{self._tally.done}/{self._tally.wanted} trainings{time_left}"
        self._progress.update(self._all, completed=self._tally.done, text=text)
