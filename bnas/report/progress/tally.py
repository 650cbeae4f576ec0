"""What is known of a search so far, counted event by event."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bnas.search.events import Ended, EpochEnded, Event, Started
from bnas.search.front import front
from bnas.search.objectives import ObjectiveName
from bnas.search.trials import COUNTED, Outcome, TrialRecord, counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A trial at work.

    Attributes:
        record: The trial.
        epoch: Epochs done.
        accuracy: Accuracy after the last of them, in [0, 1]; None before the first.
        seconds: Since it began.
    """

    record: TrialRecord
    epoch: int
    accuracy: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A search at one moment.

    Attributes:
        trials: Trials asked for.
        done: How many of them have ended.
        counts: Trials by outcome, those of earlier calls included.
        best: Highest accuracy so far; None before a trial has finished.
        num_front: Designs on the front.
        running: Trials at work, the oldest first.
        elapsed: Seconds since the display began.
        left: Seconds until the search ends at this pace; None while nothing is known.
    """

    trials: int
    done: int
    counts: Mapping[Outcome, int]
    best: float | None
    num_front: int
    running: tuple[Running, ...]
    elapsed: float
    left: float | None


class Tally:
    """Counts events; may be read in another thread."""

    def __init__(
        self,
        *,
        trials: int,
        objectives: Sequence[ObjectiveName],
        earlier: Iterable[TrialRecord] = (),
        max_time_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins to count.

        Args:
            trials: Trials that the search is asked for, earlier ones included.
            objectives: What is optimised.
            earlier: Trials of the run that is gone on with.
            max_time_s: Time after which the search stops anyway, in seconds; None without a limit.
            clock: Tells the time in seconds.
        """
        self._lock = threading.Lock()
        self._clock = clock
        self._objectives = objectives
        self._trials = trials
        self._max_time_s = max_time_s
        ended = [record for record in earlier if record.outcome != "running"]
        self._counts = counts(ended)
        self._front = front(ended, objectives)
        self._running: dict[int, Running] = {}
        self._began: dict[int, float] = {}
        self._start = clock()
        self._first_trial: float | None = None
        self._num_new = 0

    def learn(self, event: Event) -> None:
        """Takes an event into account."""
        with self._lock:
            if isinstance(event, Started):
                self._on_start(event.record)
            elif isinstance(event, EpochEnded):
                self._on_epoch(event)
            elif isinstance(event, Ended):
                self._on_end(event.record)

    def is_on_front(self, record: TrialRecord) -> bool:
        """Whether no trial so far dominates this one."""
        return any(member.number == record.number for member in self._front)

    def snapshot(self) -> Snapshot:
        """How things stand now."""
        with self._lock:
            now = self._clock()
            return Snapshot(
                trials=self._trials,
                done=self._done,
                counts=dict(self._counts),
                best=self._best,
                num_front=len(self._front),
                running=tuple(self._aged(running, now) for running in self._running.values()),
                elapsed=now - self._start,
                left=self._left(now),
            )

    @property
    def _best(self) -> float | None:
        accuracies = (r.evaluation.accuracy for r in self._front if r.evaluation is not None)
        return max(accuracies, default=None)

    @property
    def _done(self) -> int:
        return sum(number for outcome, number in self._counts.items() if outcome in COUNTED)

    def _on_start(self, record: TrialRecord) -> None:
        now = self._clock()
        self._first_trial = now if self._first_trial is None else self._first_trial
        self._began[record.number] = now
        self._running[record.number] = Running(record=record, epoch=0, accuracy=None, seconds=0.0)

    def _on_epoch(self, event: EpochEnded) -> None:
        running = self._running.get(event.number)
        if running is not None:
            progress = event.progress
            self._running[event.number] = replace(
                running, epoch=progress.epoch, accuracy=progress.accuracy
            )

    def _on_end(self, record: TrialRecord) -> None:
        self._running.pop(record.number, None)
        self._began.pop(record.number, None)
        self._counts[record.outcome] += 1
        self._num_new += record.outcome in COUNTED
        if record.outcome == "finished":
            self._front = front([*self._front, record], self._objectives)

    def _aged(self, running: Running, now: float) -> Running:
        return replace(running, seconds=now - self._began[running.record.number])

    def _left(self, now: float) -> float | None:
        """What the pace of the trials and the time limit leave, whichever is less.

        The start of the engine is not part of the pace.
        """
        estimates: list[float] = []
        if self._first_trial is not None and self._num_new:
            pace = (now - self._first_trial) / self._num_new
            estimates.append(pace * max(0, self._trials - self._done))
        if self._max_time_s is not None:
            estimates.append(max(0.0, self._max_time_s - (now - self._start)))
        return min(estimates, default=None)
