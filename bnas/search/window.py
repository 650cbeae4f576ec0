"""What samplers see of a long study: the best trials and the latest, so many and no more.

The time of a proposal grows with the number of trials that a sampler looks at. Beyond some
hundreds, the others hardly change what it proposes.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bnas.search.objectives import Direction
from bnas.search.pareto import ranks

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState


class Window:
    """A storage for Optuna that shows at most `size` ended trials, and otherwise is another one.

    It is no subclass of `BaseStorage`, because it hands everything but one method on to the
    storage behind it, whatever that offers.
    """

    def __init__(
        self, storage: "BaseStorage", *, size: int, directions: Sequence[Direction]
    ) -> None:
        self._storage = storage
        self._size = size
        self._directions = directions
        # Numbers of the trials that had not ended when they were last looked at, of all seen ones.
        self._open: list[int] = []
        self._num_seen = 0
        # Numbers of all that ended; of those with values inside the bounds, numbers and values.
        self._ended: list[int] = []
        self._feasible: list[int] = []
        self._values: list[list[float]] = []
        self._kept: set[int] = set()

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,  # noqa: FBT001, FBT002 (Optuna's signature)
        states: "tuple[TrialState, ...] | None" = None,
    ) -> "list[FrozenTrial]":
        """The trials in order of number: all that have not ended, and the window of those that did.

        Half of it are the best, by rank and in one rank the latest; the others are the latest.
        """
        # A study's trials are numbered from 0, and listed in that order.
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        self._look_at(trials)
        shown = [trials[number] for number in sorted(self._kept.union(self._open))]
        if states is not None:
            shown = [trial for trial in shown if trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    def _look_at(self, trials: "list[FrozenTrial]") -> None:
        """Takes note of what has ended since the last look; it does not change any more."""
        num_ended = len(self._ended)
        still_open = []
        for number in [*self._open, *range(self._num_seen, len(trials))]:
            if trials[number].state.is_finished():
                self._end(trials[number])
            else:
                still_open.append(number)
        self._open, self._num_seen = still_open, len(trials)
        if len(self._ended) > num_ended:
            self._kept = self._select()

    def _end(self, trial: "FrozenTrial") -> None:
        self._ended.append(trial.number)
        if trial.values and all(value <= 0 for value in trial.constraints.values()):
            self._feasible.append(trial.number)
            self._values.append(trial.values)

    def _select(self) -> set[int]:
        if len(self._ended) <= self._size:
            return set(self._ended)
        front_N = ranks(self._values, self._directions)
        # By number, not by when they ended: what is kept follows from the study alone.
        latest_first = np.lexsort((-np.array(self._feasible), front_N))
        kept = {self._feasible[index] for index in latest_first[: self._size // 2]}
        for number in sorted(self._ended, reverse=True):
            if len(kept) >= self._size:
                break
            kept.add(number)
        return kept

    def __getattr__(self, name: str) -> Any:
        """Everything else is the other storage's."""
        return getattr(self._storage, name)
