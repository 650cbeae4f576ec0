"""The front of a search, its hypervolume, and the reference point that this is measured from."""

from collections.abc import Iterable, Sequence

from bnas.cost import Totals
from bnas.search.objectives import ACCURACY, ObjectiveName, direction
from bnas.search.pareto import hypervolume, non_dominated
from bnas.search.settings import SearchSettings
from bnas.search.trials import TrialRecord


def front(
    records: Iterable[TrialRecord], objectives: Sequence[ObjectiveName], *, chance: float = 0.0
) -> list[TrialRecord]:
    """The finished trials that no other finished trial dominates, cheapest first; ties all stay.

    Args:
        records: Trials of every outcome.
        objectives: What the search optimises.
        chance: Accuracy of guessing. A design that is no better has not learned anything, however
            little it costs, and is left out.
    """
    finished = [
        record
        for record in records
        if record.outcome == "finished" and record.objectives([ACCURACY])[ACCURACY] > chance
    ]
    if not finished:
        return []
    best = non_dominated(_values(finished, objectives), [direction(name) for name in objectives])
    on_front = [record for record, is_best in zip(finished, best, strict=True) if is_best]
    return sorted(on_front, key=lambda record: _values([record], objectives)[0][::-1])


def front_hypervolume(
    records: Iterable[TrialRecord],
    objectives: Sequence[ObjectiveName],
    reference: Sequence[float],
) -> float:
    """Hypervolume of the finished trials, accuracy times log10 of each cost.

    Args:
        records: Trials of every outcome.
        objectives: What the search optimises.
        reference: The worst point that counts, in the order and the units of the objectives.
    """
    finished = [record for record in records if record.outcome == "finished"]
    return hypervolume(_values(finished, objectives), reference, objectives)


def reference_point(
    settings: SearchSettings, *, chance: float, candidates: Sequence[Totals]
) -> tuple[float, ...]:
    """Chance accuracy, and for each cost its upper bound or else the largest first candidate.

    Args:
        settings: Objectives and bounds.
        chance: Accuracy of guessing, in [0, 1].
        candidates: Costs of the space's first candidates, at least one where a bound is missing.

    Raises:
        ValueError: A cost has neither a bound nor a candidate.
    """
    values = [chance]
    for name in settings.costs:
        band = settings.bounds.get(name)
        if band is not None and band.maximum is not None:
            values.append(band.maximum)
        elif candidates:
            values.append(max(totals.value(name) for totals in candidates))
        else:
            raise ValueError(f"a reference point needs a bound on {name} or a first candidate")
    return tuple(values)


def _values(
    records: Sequence[TrialRecord], objectives: Sequence[ObjectiveName]
) -> list[list[float]]:
    found = (record.objectives(objectives) for record in records)
    return [[values[name] for name in objectives] for values in found]
