"""The listener that shows the progress of a search, in the form that suits where it is shown."""

import sys
from collections.abc import Iterable
from typing import Protocol, TextIO, final

from bnas.report.progress.lines import Lines
from bnas.report.progress.shown import Shown
from bnas.report.progress.tally import Tally
from bnas.search.events import Event
from bnas.search.settings import SearchSettings
from bnas.search.trials import TrialRecord


class _Display(Protocol):
    """Where progress is shown."""

    def begin(self) -> None:
        """Gets ready."""
        ...

    def tell(self, event: Event) -> None:
        """Shows an event that is in the tally already."""
        ...

    def end(self) -> None:
        """Shows what all came to."""
        ...


@final
class Progress(Shown):
    """Shows what happens in a search: `with Progress(settings) as progress: ...`.

    On a terminal it is a picture that is drawn anew a few times a second, elsewhere a line a
    trial.
    """

    def __init__(
        self,
        settings: SearchSettings,
        *,
        earlier: Iterable[TrialRecord] = (),
        epochs: int | None = None,
        stream: TextIO | None = None,
    ) -> None:
        """Shows nothing yet.

        Args:
            settings: Those of the search: how many trials, and what is optimised.
            earlier: Trials of the run that is gone on with.
            epochs: Epochs of a complete trial, if known.
            stream: Where to show it; the standard output if None.
        """
        super().__init__()
        self._objectives = settings.objectives
        self._tally = Tally(
            trials=settings.trials,
            objectives=settings.objectives,
            earlier=earlier,
            max_time_s=settings.max_time_s,
        )
        self._epochs = epochs
        self._stream = stream
        self._display: _Display | None = None

    def _begin(self) -> None:
        self._display = self._suitable()
        self._display.begin()

    def _take(self, event: Event) -> None:
        self._tally.learn(event)
        if self._display is not None:
            self._display.tell(event)

    def _end(self) -> None:
        display, self._display = self._display, None
        if display is not None:
            display.end()

    def _suitable(self) -> _Display:
        stream = self._stream or sys.stdout
        if stream.isatty():
            from rich.console import Console

            console = Console(file=stream, markup=False, highlight=False, emoji=False)
            if not console.is_dumb_terminal:
                from bnas.report.progress.live import Display

                return Display(
                    self._tally, console, objectives=self._objectives, epochs=self._epochs
                )
        return Lines(self._tally, stream, objectives=self._objectives)
