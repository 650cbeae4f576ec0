"""The simulator: a search with simulated time, against a table or a function.

The proposer, the study and the halving are those of a real search; only training is looked up, so
that thousands of searches can be compared in minutes.
"""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bnas.architecture import Architecture, from_dict
from bnas.cost import Totals
from bnas.errors import EvaluationFailed
from bnas.search.events import End, EpochEnded, Listener
from bnas.search.port import Evaluation, Progress
from bnas.search.proposer import Proposer
from bnas.search.trials import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A complete training, known beforehand.

    Attributes:
        accuracies: Validation accuracy after each epoch, in [0, 1].
        epoch_s: Simulated seconds of one epoch.
    """

    accuracies: Sequence[float]
    epoch_s: float = 1.0


class Curves(Protocol):
    """Knows how every architecture of a space trains."""

    def cost(self, architecture: Architecture) -> Totals:
        """Exact cost, as of `bnas.search.Evaluator`."""
        ...

    def curve(self, architecture: Architecture) -> Curve:
        """What its training would give.

        Raises:
            EvaluationFailed: it would diverge.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """How a simulated search ended.

    Attributes:
        end: Why.
        epochs: Epochs trained in all.
        seconds: Simulated time from the first start to the last end.
    """

    end: End
    epochs: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    record: TrialRecord
    curve: Curve
    began_s: float


def simulate(
    proposer: Proposer,
    curves: Curves,
    *,
    listener: Listener,
    workers: int = 1,
    epochs: int | None = None,
) -> Simulated:
    """Runs a search to its end, `workers` trials at once in simulated time.

    Args:
        proposer: What to train.
        curves: What training gives.
        listener: Told of everything that happens.
        workers: Trials at once.
        epochs: Number of epochs, over all trials, after which no trial is started.
    """
    return _Simulation(proposer, curves, listener, epochs).run(workers)


class _Simulation:
    def __init__(
        self, proposer: Proposer, curves: Curves, listener: Listener, max_epochs: int | None
    ) -> None:
        self._max_epochs = max_epochs
        self._proposer = proposer
        self._curves = curves
        self._listener = listener
        self._now_s = 0.0
        self._num_epochs = 0
        self._end: End | None = None
        # The next end of an epoch of each worker; the counter decides between equal times.
        self._events: list[tuple[float, int, int, _Training]] = []
        self._counter = itertools.count()

    def run(self, workers: int) -> Simulated:
        for _ in range(workers):
            self._start()
        while self._events:
            self._now_s, _, epoch, training = heapq.heappop(self._events)
            self._end_epoch(training, epoch)
        assert self._end is not None, "workers are idle only when nothing is proposed"  # noqa: S101
        return Simulated(end=self._end, epochs=self._num_epochs, seconds=self._now_s)

    def _start(self) -> None:
        """Gives an idle worker its next trial."""
        while self._end is None:
            if self._max_epochs is not None and self._num_epochs >= self._max_epochs:
                message = f"{self._num_epochs} epochs were trained"
                self._end = End(reason="epochs", message=message)
                return
            proposed = self._proposer.propose()
            if isinstance(proposed, End):
                self._end = proposed
                return
            try:
                curve = self._curves.curve(from_dict(proposed.architecture))
            except EvaluationFailed as failure:
                self._proposer.fail(proposed.number, str(failure))
            else:
                self._schedule(_Training(record=proposed, curve=curve, began_s=self._now_s), 1)
                return

    def _schedule(self, training: _Training, epoch: int) -> None:
        when_s = self._now_s + training.curve.epoch_s
        heapq.heappush(self._events, (when_s, next(self._counter), epoch, training))

    def _end_epoch(self, training: _Training, epoch: int) -> None:
        self._num_epochs += 1
        accuracies, number = training.curve.accuracies, training.record.number
        seconds, accuracy = self._now_s - training.began_s, accuracies[epoch - 1]
        progress = Progress(epoch=epoch, accuracy=accuracy, loss=1 - accuracy, seconds=seconds)
        self._listener(EpochEnded(number=number, progress=progress))
        if self._proposer.goes_on(number, progress) and epoch < len(accuracies):
            self._schedule(training, epoch + 1)
            return
        evaluation = Evaluation(accuracy=accuracy, loss=1 - accuracy, epochs=epoch, seconds=seconds)
        self._proposer.finish(number, evaluation)
        self._start()
