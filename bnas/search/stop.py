"""When a search has to stop before it is done: Ctrl-C, a request to end, or the time limit."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

from bnas.search.events import End

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Watches the clock and, while entered as a context, the signals.

    The first signal asks the search to stop and gives the signals back to who had them, so that a
    second one ends the process at once. Python delivers signals to the main thread only; in
    another thread the time limit alone applies.
    """

    def __init__(self, max_time_s: float | None = None) -> None:
        self._max_time_s = max_time_s
        self._began = time.monotonic()
        self._interrupted = False
        self._raising = False
        self._previous: dict[int, Any] = {}

    @property
    def end(self) -> End | None:
        """Why to stop; None while the search may go on."""
        if self._interrupted:
            return End(
                reason="interrupted", message="interrupted; unfinished trials can be resumed"
            )
        if self._max_time_s is not None and time.monotonic() - self._began >= self._max_time_s:
            message = f"the time limit of {self._max_time_s:g} s is over; resume to go on"
            return End(reason="time", message=message)
        return None

    def interrupt(self) -> None:
        """Asks the search to stop."""
        self._interrupted = True

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Within, a signal also raises KeyboardInterrupt, for work that may end anywhere."""
        self._raising = True
        try:
            yield
        finally:
            self._raising = False

    def listen(self) -> None:
        """Takes the signals, again if a library has taken them meanwhile."""
        if threading.current_thread() is threading.main_thread() and not self._interrupted:
            for number in _SIGNALS:
                self._previous.setdefault(number, signal.getsignal(number))
                signal.signal(number, self._receive)

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._give_back()

    def _receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.interrupt()
        self._give_back()
        if self._raising:
            raise KeyboardInterrupt

    def _give_back(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)
