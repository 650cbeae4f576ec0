"""Progress on a terminal, drawn over and over in the same place."""

import threading
from dataclasses import replace
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bnas.report.formatting import clock, percent
from bnas.report.progress.lines import trial_text
from bnas.report.progress.tally import Running, Snapshot, Tally
from bnas.search.events import Ended, Event, Noted, Skipped
from bnas.search.guard import Failure, guarded
from bnas.search.objectives import ObjectiveName

_SECONDS_BETWEEN_FRAMES: Final = 0.25
# A search that ends with an error at once leaves no empty bar behind.
_FRAMES_BEFORE_THE_FIRST: Final = 2
_MOST_RUNNING: Final = 8
_BAR: Final = 32


class Display:
    """Draws a few times a second in a thread of its own, so that events cost no drawing."""

    def __init__(
        self,
        tally: Tally,
        console: Console,
        *,
        objectives: tuple[ObjectiveName, ...],
        epochs: int | None,
    ) -> None:
        self._failure: Failure | None = None
        self._tally = tally
        self._objectives = objectives
        self._epochs = epochs
        self._live = Live(console=console, auto_refresh=False)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._draw_on, name="bnas-progress", daemon=True)

    def begin(self) -> None:
        """Starts to draw."""
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Leaves a line above the picture for what should not be missed."""
        if isinstance(event, Skipped | Noted):
            self._live.console.print(Text(str(event)))
        elif isinstance(event, Ended) and event.record.outcome == "failed":
            text = trial_text(event.record, self._objectives)
            self._live.console.print(Text(text, style="red"))

    def end(self) -> None:
        """Draws for the last time; no thread is left behind.

        Raises:
            Exception: What ended the drawing early.
        """
        self._done.set()
        self._thread.join()
        if self._live.is_started:
            now = self._tally.snapshot()
            # Of a search that failed before its first trial, the error is all there is to see.
            self._live.transient = not (now.done or now.running)
            self._live.update(frame(replace(now, running=(), left=None)))
            self._live.stop()
        if self._failure is not None:
            raise self._failure.cause

    def _draw_on(self) -> None:
        frames = 0
        while not self._done.wait(_SECONDS_BETWEEN_FRAMES) and self._failure is None:
            frames += 1
            now = self._tally.snapshot()
            if frames >= _FRAMES_BEFORE_THE_FIRST or now.running or now.done:
                drawn = guarded(self._draw)
                self._failure = drawn if isinstance(drawn, Failure) else None

    def _draw(self) -> None:
        if not self._live.is_started:
            self._live.start()
        self._live.update(frame(self._tally.snapshot(), epochs=self._epochs), refresh=True)


def frame(now: Snapshot, *, epochs: int | None = None) -> RenderableType:
    """The picture of a moment.

    Args:
        now: What to show.
        epochs: Epochs of a complete trial, if known.
    """
    head = Table.grid(padding=(0, 2))
    bar = ProgressBar(
        total=now.trials,
        completed=now.done,
        width=_BAR,
        complete_style="cyan",
        finished_style="green",
    )
    head.add_row(bar, f"{now.done}/{now.trials} trials", clock(now.elapsed), _left(now))
    parts: list[RenderableType] = [head, _results(now), _running(now.running, epochs)]
    if len(now.running) > _MOST_RUNNING:
        parts.append(Text(f"and {len(now.running) - _MOST_RUNNING} more", style="dim"))
    return Group(*parts)


def _left(now: Snapshot) -> str:
    if now.left is None:
        return ""
    # An engine takes a while to shut down.
    return "finishing ..." if now.done >= now.trials else f"about {clock(now.left)} left"


def _results(now: Snapshot) -> Text:
    if not now.done and not now.running:
        return Text("starting ...", style="dim")
    best = "best -" if now.best is None else f"best {percent(now.best)} %"
    text = Text().append(f"{best}   front {now.num_front}", style="bold")
    for outcome in ("stopped", "failed", "infeasible", "duplicate"):
        if number := now.counts[outcome]:
            text.append(f"   {number:,} {outcome}", style="red" if outcome == "failed" else "dim")
    return text


def _running(running: tuple[Running, ...], epochs: int | None) -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(justify="right")
    of = "" if epochs is None else f"/{epochs}"
    for trial in running[:_MOST_RUNNING]:
        accuracy = "" if trial.accuracy is None else f"{percent(trial.accuracy)} %"
        name = trial.record.candidate or ""
        rows.add_row(
            f"trial {trial.record.number}",
            trial.record.digest,
            f"epoch {trial.epoch}{of}",
            accuracy,
            clock(trial.seconds),
            Text(name, style="yellow"),
        )
    return rows
