"""The other form of halving, for comparison: trials are paused at a rung and promoted later.

A worker that is free takes the paused trial at the highest rung that is, by now, among the best
there, and begins a new one only if there is none (Li et al. 2020). The product stops trials
instead; `search_methods.py` compares the two in simulated time.
"""

import heapq
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bnas.architecture import from_dict
from bnas.search.events import End, EpochEnded, Listener
from bnas.search.halving import Rungs, spread
from bnas.search.objectives import ObjectiveName
from bnas.search.pareto import ranks
from bnas.search.port import Evaluation, Progress
from bnas.search.proposer import Proposer
from bnas.search.simulator import Curve, Curves
from bnas.search.trials import TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A trial, running or paused."""

    record: TrialRecord
    curve: Curve


class Promotion:
    """A simulated search whose trials wait at rungs until they are promoted."""

    def __init__(
        self, proposer: Proposer, curves: Curves, *, rungs: Rungs, epochs: int, listener: Listener
    ) -> None:
        """Begins without any trial.

        Args:
            proposer: What to train; it stops nothing itself.
            curves: What training gives.
            rungs: Where trials are compared.
            epochs: Length of a complete training.
            listener: Told of every epoch.
        """
        self._proposer = proposer
        self._curves = curves
        self._factor = rungs.factor
        self._listener = listener
        # By epoch of the rung and number of the trial: its point, and the trial while it waits.
        self._points: dict[int, dict[int, tuple[float, float]]] = {
            epoch: {} for epoch in rungs.epochs(epochs)
        }
        self._paused: dict[int, dict[int, Training]] = {epoch: {} for epoch in self._points}
        self._events: list[tuple[float, int, int, Training]] = []
        self._counter = itertools.count()
        self._num_epochs = 0

    def run(self, *, workers: int, max_epochs: int) -> None:
        """Runs until so many epochs were trained or nothing is left to do."""
        for _ in range(workers):
            self._start(0.0, max_epochs)
        while self._events:
            now_s, _, epoch, training = heapq.heappop(self._events)
            self._end_epoch(training, epoch)
            if epoch < len(training.curve.accuracies) and epoch not in self._paused:
                self._schedule(now_s, training, epoch + 1)
            else:
                self._start(now_s, max_epochs)

    def _start(self, now_s: float, max_epochs: int) -> None:
        if self._num_epochs >= max_epochs:
            return
        for epoch in reversed(self._paused):
            number = self._promoted(epoch)
            if number is not None:
                self._schedule(now_s, self._paused[epoch].pop(number), epoch + 1)
                return
        proposed = self._proposer.propose()
        if not isinstance(proposed, End):
            curve = self._curves.curve(from_dict(proposed.architecture))
            self._schedule(now_s, Training(record=proposed, curve=curve), 1)

    def _promoted(self, epoch: int) -> int | None:
        """The best trial that waits at a rung, by the rule of the stopping form."""
        rung, paused = self._points[epoch], self._paused[epoch]
        if not paused:
            return None
        points_NM = np.array(list(rung.values()))
        front_N = ranks(points_NM, ["minimize", "minimize"])
        place = 0
        numbers = list(rung)
        for front in range(int(front_N.max()) + 1):
            if front > 0 and place >= math.ceil(len(rung) / self._factor):
                return None
            peers = np.flatnonzero(front_N == front)
            for index in spread(points_NM[peers]):
                within = front == 0 or place < math.ceil(len(rung) / self._factor)
                if within and numbers[peers[index]] in paused:
                    return numbers[peers[index]]
                place += 1
        return None

    def _schedule(self, now_s: float, training: Training, epoch: int) -> None:
        when_s = now_s + training.curve.epoch_s
        heapq.heappush(self._events, (when_s, next(self._counter), epoch, training))

    def _end_epoch(self, training: Training, epoch: int) -> None:
        self._num_epochs += 1
        accuracy, number = training.curve.accuracies[epoch - 1], training.record.number
        progress = Progress(epoch=epoch, accuracy=accuracy, loss=1 - accuracy, seconds=0.0)
        self._listener(EpochEnded(number=number, progress=progress))
        if epoch == len(training.curve.accuracies):
            found = Evaluation(accuracy=accuracy, loss=1 - accuracy, epochs=epoch, seconds=0.0)
            self._proposer.finish(number, found)
        elif epoch in self._paused:
            values: Mapping[ObjectiveName, float] = training.record.objectives(["ops"])
            self._points[epoch][number] = (-accuracy, math.log10(values["ops"]))
            self._paused[epoch][number] = training
