"""What happens in a search, for whoever shows progress or keeps tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bnas.cost.ledger import Cost
from bnas.search.port import Progress
from bnas.search.settings import Band
from bnas.search.trials import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A first candidate lies outside a bound and is not proposed."""

    name: str
    cost: Cost
    value: float
    bound: Band

    def __str__(self) -> str:
        return f"skipped {self.name}: {self.cost} must be {self.bound}, but is {self.value:,.12g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A trial was handed to an evaluator, for the first time or again after an interruption."""

    record: TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """A running trial reported progress."""

    number: int
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """The evaluator of a running trial has something to say to the user."""

    number: int
    text: str

    def __str__(self) -> str:
        return f"trial {self.number}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A trial has its outcome, and the study has recorded it."""

    record: TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Why a search proposes nothing more.

    Attributes:
        reason: The number of trials, the space, 200 fruitless proposals, no growth of the
            hypervolume, the epochs of a simulation, `max_time_s`, or Ctrl-C.
        message: The same in words, with what to do about it where something can be done.
    """

    reason: Literal[
        "trials", "exhausted", "unproductive", "plateau", "epochs", "time", "interrupted"
    ]
    message: str


Event: TypeAlias = Skipped | Started | EpochEnded | Noted | Ended
Listener: TypeAlias = Callable[[Event], None]
