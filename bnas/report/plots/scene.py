"""What a picture of a front shows, whoever draws it: points, ranges, ticks and notes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bnas.cost.ledger import Cost
from bnas.report.formatting import counted
from bnas.report.plots.axes import Range, at_least
from bnas.runs.repeats import Estimate, with_means
from bnas.search.objectives import ObjectiveName
from bnas.search.settings import Band
from bnas.search.trials import Outcome, TrialRecord, counts

# A picture is at least this wide, in decades of cost, and this high, in percent.
_LEAST_DECADES: Final = 0.7
_LEAST_PERCENT: Final = 4.0
# A bound that would widen the picture by more than this share stays outside of it.
_BOUND_REACH: Final = 0.35

_ENDED_OTHERWISE: Final[dict[Outcome, str]] = {
    "stopped": "stopped early",
    "failed": "failed",
    "infeasible": "outside the bounds",
    "duplicate": "repeated",
    "running": "without an outcome",
}

NO_FRONT: Final = "No trial has finished better than guessing yet: there is no front to draw."


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a picture calls things.

    Attributes:
        accuracy: The vertical axis.
        named: Published designs among the points.
        others: Points off the front.
    """

    accuracy: str = "validation accuracy"
    named: str = "first candidates"
    others: str = "other finished trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A finished trial in a picture.

    Attributes:
        record: The trial.
        number: Its row in the table of the front, from 1; None off the front.
        name: Name of the first candidate that it is; None if it is none.
        interval: Interval of its mean accuracy over seeds, in percent; None for a single seed.
    """

    record: TrialRecord
    number: int | None
    name: str | None
    interval: tuple[float, float] | None = None

    @property
    def percent(self) -> float:
        """Accuracy in percent."""
        evaluation = self.record.evaluation
        return 100 * evaluation.accuracy if evaluation is not None else math.nan

    def cost(self, name: Cost) -> float:
        """One of its costs."""
        return self.record.costs.value(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything in a picture of a front.

    Attributes:
        title: Name of the run.
        subtitle: What was searched, in one line.
        costs: The cost objectives, one panel each.
        marks: Finished trials in order of number.
        bounds: Ranges of costs in which candidates were trained.
        chance: Accuracy of guessing in percent, if known.
        notes: Sentences to print below.
        words: What things are called.
    """

    title: str
    subtitle: str
    costs: tuple[Cost, ...]
    marks: tuple[Mark, ...]
    bounds: Mapping[Cost, Band]
    chance: float | None
    notes: tuple[str, ...]
    words: Words = Words()

    @property
    def front(self) -> tuple[Mark, ...]:
        """The marks on the front in the order of its table."""
        return tuple(sorted((m for m in self.marks if m.number), key=lambda mark: mark.number or 0))

    @property
    def others(self) -> tuple[Mark, ...]:
        """The marks that are neither on the front nor first candidates."""
        return tuple(mark for mark in self.marks if mark.number is None and mark.name is None)

    @property
    def candidates(self) -> tuple[Mark, ...]:
        """The marks of first candidates, those on the front included."""
        return tuple(mark for mark in self.marks if mark.name is not None)

    def steps(self, cost: Cost) -> list[tuple[float, float]]:
        """Corners of the line below which every point is beaten: (cost, best percent so far)."""
        corners: list[tuple[float, float]] = []
        for mark in sorted(self.front, key=lambda mark: (mark.cost(cost), -mark.percent)):
            if not corners or mark.percent > corners[-1][1]:
                corners.append((mark.cost(cost), mark.percent))
        return corners

    def cost_range(self, cost: Cost) -> Range:
        """Where a cost axis begins and ends, with room on both sides."""
        logs = [math.log10(mark.cost(cost)) for mark in self.marks]
        low, high = at_least(min(logs), max(logs), _LEAST_DECADES)
        reach = _BOUND_REACH * (high - low)
        limits = [math.log10(limit) for limit in self._limits(cost)]
        near = [limit for limit in limits if low - reach <= limit <= high + reach]
        low, high = min([low, *near]), max([high, *near])
        margin = 0.06 * (high - low)
        return 10 ** (low - margin), 10 ** (high + margin)

    def limits(self, cost: Cost) -> list[float]:
        """The bounds on a cost that lie in the picture."""
        low, high = self.cost_range(cost)
        return [limit for limit in self._limits(cost) if low <= limit <= high]

    def percent_range(self) -> Range:
        """Where the accuracy axis begins and ends.

        The front and the first candidates fill at least two fifths of the height: trials far
        below are not drawn but counted.
        """
        marks = self.front + self.candidates
        main = [end for mark in marks for end in (mark.percent, *(mark.interval or ()))]
        low, high = at_least(min(main), max(main), _LEAST_PERCENT)
        floor = max(min(mark.percent for mark in self.marks), low - 1.5 * (high - low))
        low = min(low, floor)
        margin = 0.06 * (high - low)
        # No room for accuracies that cannot be, only for half of a point.
        return max(low - margin, -0.02 * (high - low)), min(high + margin, 100 + margin / 3)

    def _limits(self, cost: Cost) -> list[float]:
        band = self.bounds.get(cost)
        found = (band.minimum, band.maximum) if band is not None else ()
        return [limit for limit in found if limit is not None]


def scene(
    *,
    title: str,
    subtitle: str,
    records: Sequence[TrialRecord],
    front: Sequence[TrialRecord],
    objectives: Sequence[ObjectiveName],
    chance: float | None,
    bounds: Mapping[Cost, Band],
    estimates: Mapping[str, Estimate],
    words: Words,
    notes: Sequence[str] | None,
) -> Scene:
    """Sorts trials into what a picture shows of them; see `plots.write_front_plots`."""
    rows = {record.number: row for row, record in enumerate(front, start=1)}
    names = _names(records)
    marks = tuple(
        Mark(
            record=record,
            number=rows.get(record.number),
            name=names.get(record.digest),
            interval=_interval(estimates.get(record.digest)),
        )
        for record in with_means(records, estimates)
        if record.outcome == "finished" and record.evaluation is not None
    )
    costs = tuple(name for name in objectives if name != "accuracy")
    return Scene(
        title=title,
        subtitle=subtitle,
        costs=costs,
        marks=marks,
        bounds=bounds,
        chance=None if chance is None else 100 * chance,
        notes=tuple(
            notes
            if notes is not None
            else (_tally(records, len(front)), *_caution(records, front, len(costs), estimates))
        ),
        words=words,
    )


def _interval(estimate: Estimate | None) -> tuple[float, float] | None:
    found = estimate.interval if estimate is not None else None
    return None if found is None else (100 * found[0], 100 * found[1])


def _names(records: Sequence[TrialRecord]) -> dict[str, str]:
    """Names of first candidates by digest; two names of one network are both given."""
    names: dict[str, list[str]] = {}
    for record in records:
        if record.candidate is not None and record.candidate not in names.get(record.digest, ()):
            names.setdefault(record.digest, []).append(record.candidate)
    return {digest: " = ".join(found) for digest, found in names.items()}


def _tally(records: Sequence[TrialRecord], num_front: int) -> str:
    """How many trials there are, and how those ended that the picture does not show."""
    found = counts(records)
    on_front = f", {num_front} on the front" if num_front else ""
    parts = [
        f"{counted(found['finished'], 'finished trial')}{on_front}",
        *(f"{found[o]:,} {words}" for o, words in _ENDED_OTHERWISE.items() if found[o]),
    ]
    return "; ".join(parts) + "."


def _caution(
    records: Sequence[TrialRecord],
    front: Sequence[TrialRecord],
    num_costs: int,
    estimates: Mapping[str, Estimate],
) -> list[str]:
    if not any(record.outcome == "finished" for record in records):
        return []
    several = (
        "The numbered designs are the front of all objectives together, the line that of two. "
    )
    seeds = "One short training and a single seed for each design"
    if any(record.digest in estimates for record in front):
        numbers = [len(estimates[r.digest].seeds) if r.digest in estimates else 1 for r in front]
        least, most = min(numbers), max(numbers)
        shown = f"{most}" if least == most else f"{least} to {most}"
        seeds = (
            f"On the front, means over {shown} short trainings with new seeds and their 95 % "
            "t-intervals; elsewhere one training"
        )
    return [
        (several if num_costs > 1 else "") + f"{seeds}, scored on validation data: small "
        "differences may be chance."
    ]
