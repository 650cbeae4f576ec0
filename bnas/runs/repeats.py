"""Repeated evaluations of designs with new seeds, and the front that they leave.

A front picks the best of many noisy scores, so its scores are too good on average. A mean takes the
new seeds alone; the score that a design was picked for is left out of it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, Final

from bnas.runs.growing_table import append_row, read_rows
from bnas.search.front import front
from bnas.search.objectives import ObjectiveName
from bnas.search.port import Evaluation
from bnas.search.trials import TrialRecord

LEVEL: Final = 0.95
_COLUMNS: Final = ("digest", "seed", "state", "accuracy", "loss", "epochs", "seconds", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """One more evaluation of a design; `error` says why there is no score."""

    digest: str
    seed: int
    evaluation: Evaluation | None = None
    error: str | None = None

    def __str__(self) -> str:
        found = self.evaluation
        text = f"failed: {self.error}" if found is None else f"{100 * found.accuracy:.2f} %"
        return f"{self.digest} seed {self.seed}: {text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the repetitions of one design come to.

    Attributes:
        seeds: Seeds that gave a score.
        evaluations: The scores, in the same order; at least one.
        num_failed: Repetitions that gave none.
    """

    seeds: tuple[int, ...]
    evaluations: tuple[Evaluation, ...]
    num_failed: int

    @property
    def mean(self) -> float:
        """Mean accuracy, in [0, 1]."""
        return fmean(self._accuracies)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % t-interval of the mean accuracy over seeds; None for a single one.

        It is that of normal noise, mean -+ t s / sqrt(n) with n - 1 degrees of freedom, as far as
        it lies in [0, 1], and says nothing of other splits of the data or of longer training.
        """
        number = len(self.evaluations)
        if number < 2:
            return None
        from scipy.special import stdtrit

        quantile = float(stdtrit(number - 1, (1 + LEVEL) / 2))
        half = quantile * stdev(self._accuracies) / math.sqrt(number)
        return max(0.0, self.mean - half), min(1.0, self.mean + half)

    @property
    def _accuracies(self) -> list[float]:
        return [evaluation.accuracy for evaluation in self.evaluations]

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of it."""
        low, high = self.interval or (None, None)
        return {
            "seeds": list(self.seeds),
            "accuracies": self._accuracies,
            "mean": self.mean,
            "level": LEVEL,
            "low": low,
            "high": high,
            "failed": self.num_failed,
        }


def read_repetitions(path: Path) -> list[Repetition]:
    """Every repetition of a run, none if there is no file yet; half a last line is passed over.

    Raises:
        RunError: The file is damaged.
    """
    return read_rows(path, _repetition, of="repetitions")


def append_repetition(
    path: Path, repetition: Repetition, beside: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Adds a line to the table, and begins it where there is none.

    Args:
        path: The table.
        repetition: What to add.
        beside: More columns, the same in every line.

    Raises:
        RunError: The disk is full or the folder cannot be written.
    """
    append_row(path, (*_COLUMNS, *beside), (*_row(repetition), *beside.values()))


def estimates(repetitions: Iterable[Repetition]) -> dict[str, Estimate]:
    """What is known of each design that has at least one score, by digest.

    Of several repetitions with one seed the last counts.
    """
    latest = {(repetition.digest, repetition.seed): repetition for repetition in repetitions}
    by_digest: dict[str, list[Repetition]] = {}
    for repetition in latest.values():
        by_digest.setdefault(repetition.digest, []).append(repetition)
    found = {digest: _estimate(group) for digest, group in by_digest.items()}
    return {digest: estimate for digest, estimate in found.items() if estimate.evaluations}


def _estimate(group: Sequence[Repetition]) -> Estimate:
    scored = sorted((r.seed, r.evaluation) for r in group if r.evaluation is not None)
    return Estimate(
        seeds=tuple(seed for seed, _ in scored),
        evaluations=tuple(evaluation for _, evaluation in scored),
        num_failed=len(group) - len(scored),
    )


def with_means(records: Iterable[TrialRecord], known: Mapping[str, Estimate]) -> list[TrialRecord]:
    """The trials, with mean accuracy and loss where a design was repeated."""
    return [_with_mean(record, known.get(record.digest)) for record in records]


def repeated_front(
    records: Sequence[TrialRecord],
    known: Mapping[str, Estimate],
    objectives: Sequence[ObjectiveName],
    *,
    chance: float,
) -> list[TrialRecord]:
    """The front of means: of the designs on the front of the search, and of all repeated ones.

    Args:
        records: All trials of the search.
        known: What repetitions have found.
        objectives: What is optimised.
        chance: Accuracy of guessing.
    """
    considered = contenders(records, known, objectives, chance=chance)
    return front(with_means(considered, known), objectives, chance=chance)


def contenders(
    records: Sequence[TrialRecord],
    known: Mapping[str, Estimate],
    objectives: Sequence[ObjectiveName],
    *,
    chance: float,
) -> list[TrialRecord]:
    """The trials that the front of means depends on; without the others it is the same.

    Args:
        records: All trials of the search.
        known: What repetitions have found.
        objectives: What is optimised.
        chance: Accuracy of guessing.
    """
    searched = {record.number for record in front(records, objectives, chance=chance)}
    return [r for r in records if r.number in searched or r.digest in known]


def _with_mean(record: TrialRecord, estimate: Estimate | None) -> TrialRecord:
    if estimate is None or record.outcome != "finished" or record.evaluation is None:
        return record
    loss = fmean(evaluation.loss for evaluation in estimate.evaluations)
    mean = replace(record.evaluation, accuracy=estimate.mean, loss=loss)
    return replace(record, evaluation=mean)


def _row(repetition: Repetition) -> list[Any]:
    found = repetition.evaluation
    head = [repetition.digest, repetition.seed, "failed" if found is None else "finished"]
    if found is None:
        return [*head, None, None, None, None, repetition.error]
    return [*head, found.accuracy, found.loss, found.epochs, f"{found.seconds:.3f}", None]


def _repetition(row: dict[str, str]) -> Repetition:
    digest, seed = row["digest"], int(row["seed"])
    if row["state"] == "failed":
        return Repetition(digest=digest, seed=seed, error=row["error"])
    evaluation = Evaluation(
        accuracy=float(row["accuracy"]),
        loss=float(row["loss"]),
        epochs=int(row["epochs"]),
        seconds=float(row["seconds"]),
    )
    return Repetition(digest=digest, seed=seed, evaluation=evaluation)
