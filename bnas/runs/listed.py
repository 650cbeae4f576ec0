"""Trials that are known beforehand, for an engine to go through."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from bnas.search.events import End
from bnas.search.port import Evaluation, Progress
from bnas.search.trials import TrialRecord

# Told the number of a trial that has ended, with what was found or else why there is no score.
Record = Callable[[int, Evaluation | None, str | None], None]


class ListedTrials:
    """Implements `bnas.search.work.Work`: each listed trial once, in order, to its end."""

    def __init__(
        self, trials: Mapping[int, tuple[TrialRecord, int]], *, record: Record, done: str
    ) -> None:
        """Lists them.

        Args:
            trials: Design and seed of each, by a number that stays, so that checkpoints are found.
            record: Keeps what each comes to.
            done: What to say when there are no more.
        """
        self._trials = trials
        self._queue = deque(trials)
        self._record = record
        self._done = done

    def propose(self) -> TrialRecord | End:
        """The next one."""
        if not self._queue:
            return End(reason="trials", message=self._done)
        number = self._queue.popleft()
        record, _ = self._trials[number]
        return replace(record, number=number, outcome="running", evaluation=None)

    def seed(self, number: int) -> int:
        """The listed seed."""
        return self._trials[number][1]

    def goes_on(self, number: int, progress: Progress) -> bool:  # noqa: ARG002
        """None is stopped early."""
        return True

    def finish(self, number: int, evaluation: Evaluation) -> None:
        """Records a score; one that is not a number is a failure."""
        if math.isfinite(evaluation.accuracy):
            self._record(number, evaluation, None)
        else:
            self.fail(number, f"accuracy must be a number, but it is {evaluation.accuracy}")

    def fail(self, number: int, error: str, *, traceback: str | None = None) -> None:  # noqa: ARG002
        """Records that there is none."""
        self._record(number, None, error)
