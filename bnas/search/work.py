"""What an engine runs, and how it is to be run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bnas.search.checkpoints import Checkpoints
from bnas.search.events import End, Listener
from bnas.search.port import Evaluation, Evaluator, Progress
from bnas.search.settings import SearchSettings
from bnas.search.stop import Stop
from bnas.search.trials import TrialRecord


class Work(Protocol):
    """Hands out trials and takes their results; a search's proposer, or a list to go through."""

    def propose(self) -> TrialRecord | End:
        """The next trial to run, or why there is none and will be none."""
        ...

    def seed(self, number: int) -> int:
        """The seed to evaluate a trial with."""
        ...

    def goes_on(self, number: int, progress: Progress) -> bool:
        """Whether a trial is worth its next epoch."""
        ...

    def finish(self, number: int, evaluation: Evaluation) -> None:
        """Records what the evaluator found."""
        ...

    def fail(self, number: int, error: str, *, traceback: str | None = None) -> None:
        """Records that an evaluation ended without a score."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of an engine.

    Attributes:
        work: Which trials.
        build: Builds the evaluator, once a process; a module-level function or a partial of one,
            since the ray engine sends it to its workers.
        settings: Engine, workers, device and address.
        stop: Asked whether to stop before the work is done.
        listener: Told of every epoch, in this process.
        checkpoints: Where unfinished trials keep their state; None keeps none.
        threads: CPU threads of one trial, which the ray engine sets aside for it.
    """

    work: Work
    build: Callable[[], Evaluator]
    settings: SearchSettings
    stop: Stop
    listener: Listener
    checkpoints: Checkpoints | None = None
    threads: int = 1
