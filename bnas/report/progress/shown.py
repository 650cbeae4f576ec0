"""What displays of progress have in common: whatever is shown never fails because of it."""

import contextlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bnas.search.events import Event
from bnas.search.guard import Failure, guarded


class Shown(ABC):
    """A listener that shows what happens while it is entered.

    Where it cannot be shown, it is shown no more, and the standard error stream says why at the
    end.
    """

    def __init__(self) -> None:
        self._failure: Failure | None = None

    def __enter__(self) -> Self:
        self._guard(self._begin)
        return self

    def __call__(self, event: Event) -> None:
        """Takes an event into account."""
        if self._failure is None:
            self._guard(lambda: self._take(event))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._guard(self._end)
        if self._failure is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"the progress display ended early: {self._failure.error}\n")

    @abstractmethod
    def _begin(self) -> None:
        """Gets ready."""

    @abstractmethod
    def _take(self, event: Event) -> None:
        """Shows an event."""

    @abstractmethod
    def _end(self) -> None:
        """Shows what all came to."""

    def _guard(self, action: Callable[[], None]) -> None:
        result = guarded(action)
        if isinstance(result, Failure) and self._failure is None:
            self._failure = result
