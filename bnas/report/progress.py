"""Progress of a search: a live display on a terminal, a line for each trial elsewhere."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bnas.report.formatting import clock, counted, exact, percent
from bnas.search.events import Ended, EpochEnded, Event, Skipped, Started
from bnas.search.front import front
from bnas.search.objectives import ACCURACY
from bnas.search.port import Progress as Epoch
from bnas.search.settings import SearchSettings
from bnas.search.trials import COUNTED, TrialRecord, counts

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_BAR_WIDTH = 30


class Progress:
    """A listener that shows what happens; to be entered as a context.

    On a terminal it redraws a few lines four times a second; the thread that does so ends with the
    context. Elsewhere, and where TERM is dumb, it prints a line for each trial that was trained.
    """

    def __init__(
        self,
        settings: SearchSettings,
        *,
        earlier: Sequence[TrialRecord] = (),
        console: "Console | None" = None,
    ) -> None:
        """Begins to watch.

        Args:
            settings: Of the search.
            earlier: Trials of the run that were over before.
            console: Where to show; standard output if None.
        """
        from rich.console import Console

        self._settings = settings
        self._console = console or Console(file=sys.stdout, soft_wrap=True, highlight=False)
        self._records = [record for record in earlier if record.outcome != "running"]
        self._num_earlier = self._num_done
        self._running: dict[int, tuple[TrialRecord, Epoch | None]] = {}
        self._front = self._current_front()
        self._began = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, get_renderable=self._display, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Takes in what happened."""
        if isinstance(event, Skipped):
            self._console.print(str(event), markup=False)
        elif isinstance(event, Started):
            self._running[event.record.number] = (event.record, None)
        elif isinstance(event, EpochEnded) and event.number in self._running:
            record, _ = self._running[event.number]
            self._running[event.number] = (record, event.progress)
        elif isinstance(event, Ended):
            self._end(event.record)

    @property
    def _num_done(self) -> int:
        return sum(record.outcome in COUNTED for record in self._records)

    def _current_front(self) -> list[TrialRecord]:
        return front(self._records, self._settings.objectives)

    def _end(self, record: TrialRecord) -> None:
        self._running.pop(record.number, None)
        self._records.append(record)
        if record.outcome == "finished":
            self._front = self._current_front()
        if self._live is None and record.outcome in COUNTED:
            self._console.print(self._line(record), markup=False)

    def _line(self, record: TrialRecord) -> str:
        """One trial: its place among those asked for, what it is, and what came of it."""
        head = f"trial {self._num_done}/{self._settings.trials} {record.digest}"
        if record.candidate is not None:
            head += f" {record.candidate}"
        if record.evaluation is None:
            return f"{head}: {record.outcome}: {record.error}"
        found = record.evaluation
        shown = [
            f"{percent(found.accuracy)} %",
            f"{exact(record.costs.ops)} OPs",
            counted(found.epochs, "epoch"),
            f"{found.seconds:.1f} s",
        ]
        if record.outcome != "finished":
            shown.insert(0, record.outcome)
        if record in self._front:
            shown.append("on the front")
        return f"{head}: {', '.join(shown)}"

    def _display(self) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        lines = [Text(self._summary(), style="bold"), Text(self._best())]
        # A copy: the listener may be told of a trial while this is drawn in the other thread.
        for record, epoch in list(self._running.values()):
            lines.append(Text(_running_line(record, epoch), style="dim"))
        return Group(*lines)

    def _summary(self) -> str:
        done, trials = self._num_done, self._settings.trials
        elapsed = time.monotonic() - self._began
        filled = _BAR_WIDTH * min(done, trials) // trials
        bar = "━" * filled + "─" * (_BAR_WIDTH - filled)
        return f"{bar} {done}/{trials} trials  {clock(elapsed)} elapsed{self._time_left(elapsed)}"

    def _time_left(self, elapsed: float) -> str:
        done_now = self._num_done - self._num_earlier
        left = self._settings.trials - self._num_done
        estimates = []
        if done_now:
            estimates.append(left * elapsed / done_now)
        if self._settings.max_time_s is not None:
            estimates.append(self._settings.max_time_s - elapsed)
        return f", about {clock(min(estimates))} left" if estimates else ""

    def _best(self) -> str:
        numbers = counts(self._records)
        shown = [f"{numbers[name]} {name}" for name in ("failed", "infeasible", "duplicate")]
        if self._front:
            best = max(record.objectives([ACCURACY])[ACCURACY] for record in self._front)
            shown = [f"best {percent(best)} %", f"{len(self._front)} on the front", *shown]
        return ", ".join(shown)


def _running_line(record: TrialRecord, epoch: Epoch | None) -> str:
    name = record.candidate or ""
    where = "starting" if epoch is None else f"epoch {epoch.epoch}, {percent(epoch.accuracy)} %"
    return f"  {record.digest}  {exact(record.costs.ops)} OPs  {where}  {name}".rstrip()
