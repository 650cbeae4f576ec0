"""What Optuna, and so the samplers, are told of a trial that has ended."""

from statistics import median
from typing import Final, Literal

from bnas.search.objectives import ACCURACY, ObjectiveName
from bnas.search.study import Study
from bnas.search.trials import TrialRecord

# Of candidates outside a bound: samplers rank those by how far outside they lie.
PLACEHOLDER_ACCURACY: Final = 0.0

StoppedAs = Literal["pruned", "forecast", "value"]


class Teller:
    """Tells the study of ended trials, of stopped ones apart."""

    def __init__(self, study: Study, stopped_as: StoppedAs) -> None:
        self._study = study
        self._stopped_as = stopped_as
        # By epoch of a rung: the share of its errors there that a finished trial kept to the end.
        self._kept: dict[int, list[float]] = {}

    def learn(self, record: TrialRecord) -> None:
        """Takes note of a trial that has ended."""
        if record.outcome == "finished" and record.evaluation is not None:
            for epoch, accuracy in record.rungs.items():
                if accuracy < 1:
                    share = (1 - record.evaluation.accuracy) / (1 - accuracy)
                    self._kept.setdefault(epoch, []).append(share)

    def tell(self, record: TrialRecord, *, is_stopped: bool) -> None:
        """Ends a trial in the study; of a stopped one, or a repeat of it, the accuracy is early."""
        accuracy = record.evaluation.accuracy if record.evaluation is not None else None
        if record.outcome == "infeasible":
            accuracy = PLACEHOLDER_ACCURACY
        if is_stopped:
            accuracy = self._of_stopped(record)
        if accuracy is None:
            self._study.tell(record.number, None, pruned=is_stopped)
            return
        values: dict[ObjectiveName, float] = {ACCURACY: accuracy}
        values |= {n: record.costs.value(n) for n in self._study.objectives if n != ACCURACY}
        self._study.tell(record.number, [values[name] for name in self._study.objectives])

    def _of_stopped(self, record: TrialRecord) -> float | None:
        evaluation = record.evaluation
        if evaluation is None or self._stopped_as == "pruned":
            return None
        if self._stopped_as == "value":
            return evaluation.accuracy
        known = self._kept.get(evaluation.epochs)
        if not known:
            return None
        return 1 - (1 - evaluation.accuracy) * min(1.0, median(known[-100:]))
