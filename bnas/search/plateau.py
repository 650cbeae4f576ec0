"""When a search has stopped growing: its hypervolume, watched from trial to trial."""

from collections.abc import Sequence

from bnas.search.objectives import ObjectiveName, direction
from bnas.search.pareto import hypervolume, non_dominated
from bnas.search.trials import COUNTED, TrialRecord


class Plateau:
    """Counts the trials since the hypervolume last grew; also those without a part in it."""

    def __init__(
        self, patience: int, *, objectives: Sequence[ObjectiveName], reference: Sequence[float]
    ) -> None:
        """Begins without any trial.

        Args:
            patience: So many trials without growth are enough.
            objectives: What the search optimises.
            reference: The worst point that counts, in the order and the units of the objectives.
        """
        self.patience = patience
        self._objectives = tuple(objectives)
        self._reference = tuple(reference)
        self._front: list[tuple[float, ...]] = []
        self._hypervolume = 0.0
        self._num_without_growth = 0

    @property
    def is_reached(self) -> bool:
        """Whether the search may end."""
        return self._num_without_growth >= self.patience

    def add(self, record: TrialRecord) -> None:
        """Takes note of a trial that has ended."""
        if record.outcome in COUNTED:
            self._num_without_growth += 1
            if record.outcome == "finished":
                self._grow(record)

    def _grow(self, record: TrialRecord) -> None:
        values = record.objectives(self._objectives)
        point = tuple(values[name] for name in self._objectives)
        points = [*self._front, point]
        volume = hypervolume(points, self._reference, self._objectives)
        if volume > self._hypervolume:
            self._hypervolume, self._num_without_growth = volume, 0
            best = non_dominated(points, [direction(name) for name in self._objectives])
            self._front = [kept for kept, is_best in zip(points, best, strict=True) if is_best]
