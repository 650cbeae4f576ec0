"""Successive halving for several objectives: which trials are worth going on with at a rung.

Pure logic, in the process that proposes; every engine asks the same object. A trial that comes to
a rung is compared at once with all that were there before, so no trial waits for another.

Sources: Li et al. 2020 (ASHA); Schmucker et al. 2021 (non-dominated ranks with an epsilon-net).
We deviate from both in that a trial is stopped instead of paused, which takes neither checkpoints
nor memory for trials that may never go on, and in that no trial of the front is stopped.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from bnas.search.objectives import ACCURACY, ObjectiveName, direction
from bnas.search.pareto import ranks

# A rung remembers this many trials: a decision takes a millisecond, however long the search.
MEMORY: Final = 1000


class Rungs(BaseModel):
    """Where trials are compared; a key of an evaluator's file.

    Attributes:
        first: Epoch of the first comparison.
        factor: At least one trial in so many goes on, and the next comparison is after so many
            times the epochs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: int = Field(default=1, ge=1)
    factor: int = Field(default=3, ge=2)

    def epochs(self, budget: int) -> tuple[int, ...]:
        """Epochs of the rungs, all before the end of a complete training of `budget` epochs."""
        found = []
        epoch = self.first
        while epoch < budget:
            found.append(epoch)
            epoch *= self.factor
        return tuple(found)


class Halving:
    """Decides at every rung whether a trial goes on."""

    def __init__(self, rungs: Rungs, *, epochs: int, objectives: Sequence[ObjectiveName]) -> None:
        """Begins without any trial.

        Args:
            rungs: Where to compare, and how many go on.
            epochs: Length of a complete training.
            objectives: What the search optimises; costs are compared by their logarithm.
        """
        self._factor = rungs.factor
        self._objectives = tuple(objectives)
        # By epoch of the rung: the points of the trials that came to it, by number of the trial.
        self._rungs: dict[int, dict[int, tuple[float, ...]]] = {
            epoch: {} for epoch in rungs.epochs(epochs)
        }

    @property
    def epochs(self) -> tuple[int, ...]:
        """Epochs after which trials are compared."""
        return tuple(self._rungs)

    def enter(self, number: int, epoch: int, values: Mapping[ObjectiveName, float]) -> None:
        """Remembers what a trial had at a rung; again, if it was begun anew."""
        rung = self._rungs[epoch]
        rung.pop(number, None)
        if len(rung) >= MEMORY:
            del rung[next(iter(rung))]
        rung[number] = tuple(_coordinate(name, values[name]) for name in self._objectives)

    def goes_on(self, number: int, epoch: int) -> bool:
        """Whether a trial is worth its next epochs at a rung that it entered.

        It is if it is among the best one in `factor`, or if no other dominates it. Without the
        latter the front of a long search has more members than are let through.
        """
        rung = self._rungs[epoch]
        points_NM = np.array(list(rung.values()))
        front_N = ranks(points_NM, ["minimize"] * points_NM.shape[1])
        index = list(rung).index(number)
        best = math.ceil(len(rung) / self._factor)
        return bool(front_N[index] == 0) or place(index, points_NM, front_N) < best


def place(index: int, points_NM: NDArray[np.float64], front_N: NDArray[np.intp]) -> int:
    """How many points come before the one at `index`, in ranks and within its rank.

    Args:
        index: Which point.
        points_NM: Minimised coordinates, one row a point.
        front_N: Their ranks.
    """
    peers = np.flatnonzero(front_N == front_N[index])
    before = int((front_N < front_N[index]).sum())
    return before + spread(points_NM[peers]).index(int(np.flatnonzero(peers == index)[0]))


def spread(points_NM: NDArray[np.float64]) -> list[int]:
    """Orders the points of one front so that every beginning of the order covers it well.

    The first has the best first coordinate; each next one is the farthest from all before it, on
    axes scaled to the extent of the front. Ties go to the earlier point. This is an epsilon-net
    for an epsilon that shrinks along the order.
    """
    extent_M = np.ptp(points_NM, axis=0)
    scaled_NM = points_NM / np.where(extent_M > 0, extent_M, 1.0)
    order = [int(np.argmin(scaled_NM[:, 0]))]
    distance_N = np.full(len(scaled_NM), np.inf)
    while len(order) < len(scaled_NM):
        squares_N = ((scaled_NM - scaled_NM[order[-1]]) ** 2).sum(axis=1)
        distance_N = np.minimum(distance_N, squares_N)
        distance_N[order[-1]] = -1.0
        order.append(int(np.argmax(distance_N)))
    return order


def _coordinate(name: ObjectiveName, value: float) -> float:
    """The value as something to minimise; costs weigh by factors, as in the hypervolume."""
    minimised = -value if direction(name) == "maximize" else value
    return minimised if name == ACCURACY else math.log10(minimised)
