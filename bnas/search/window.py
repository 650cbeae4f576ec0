"""What samplers see of a long study: the best trials and the latest, so many and no more.

The time of a proposal grows with the number of trials that a sampler looks at. Beyond some
hundreds, the others hardly change what it proposes.
"""

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

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,  # noqa: FBT001, FBT002 (Optuna's signature)
        states: "tuple[TrialState, ...] | None" = None,
    ) -> "list[FrozenTrial]":
        """The trials in order of number: all that have not ended, and the window of those that did.

        Half of it are the best, by rank and in one rank the latest; the others are the latest.
        """
        trials = self._storage.get_all_trials(study_id, deepcopy, states)
        num_ended = sum(trial.state.is_finished() for trial in trials)
        if num_ended <= self._size:
            return trials
        kept = self._kept([trial for trial in trials if trial.state.is_finished()])
        return [t for t in trials if t.number in kept or not t.state.is_finished()]

    def _kept(self, ended: "list[FrozenTrial]") -> set[int]:
        feasible = [t for t in ended if t.values and all(v <= 0 for v in t.constraints.values())]
        numbers = np.array([trial.number for trial in feasible])
        rank_N = ranks([trial.values for trial in feasible], self._directions)
        best = numbers[np.lexsort((-numbers, rank_N))][: self._size // 2]
        kept = set(best.tolist())
        for trial in reversed(ended):
            if len(kept) >= self._size:
                break
            kept.add(trial.number)
        return kept

    def __getattr__(self, name: str) -> Any:
        """Everything else is the other storage's."""
        return getattr(self._storage, name)
