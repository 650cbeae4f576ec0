"""The one guard: what an evaluation raises becomes the outcome of its trial."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What was raised in place of a result."""

    cause: Exception

    @property
    def error(self) -> str:
        """Type and message, on one line as far as the message is."""
        return f"{type(self.cause).__name__}: {self.cause}"

    @property
    def traceback(self) -> str:
        """Where it was raised."""
        return "".join(traceback.format_exception(self.cause))


def guarded(action: Callable[[], Result]) -> Result | Failure:
    """Runs an action that is not ours; one broken design must not end a search of hundreds."""
    try:
        return action()
    except Exception as cause:  # noqa: BLE001 (the guard itself)
        return Failure(cause=cause)
