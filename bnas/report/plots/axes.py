"""Axes of a front's picture: ranges, round ticks and titles, whoever draws them."""

import math
from typing import Final

from bnas.cost.ledger import Cost
from bnas.report.formatting import label, short_cost
from bnas.search.settings import Band

Range = tuple[float, float]

_TICKS: Final = (
    (1.0,),
    (1.0, 3.0),
    (1.0, 2.0, 5.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0),
)
ENOUGH_TICKS: Final = 4


def tick_levels(low: float, high: float) -> list[list[float]]:
    """Round values from `low` to `high` for a logarithmic axis, ever more of them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [
        [v for decade in decades for m in level if low <= (v := m * 10.0**decade) <= high]
        for level in _TICKS
    ]


def cost_ticks(low: float, high: float) -> list[float]:
    """The fewest round values of which four or more lie between `low` and `high`."""
    levels = tick_levels(low, high)
    return next((ticks for ticks in levels if len(ticks) >= ENOUGH_TICKS), levels[-1])


def axis_title(cost: Cost) -> str:
    """What stands along a cost axis."""
    formula = " = BOPs / 64 + FLOPs" if cost == "ops" else ""
    return f"{label(cost)}{formula} (log scale)"


def bound_text(cost: Cost, band: Band) -> str:
    """A bound in words: OPs at most 200k."""
    limits = (("at least", band.minimum), ("at most", band.maximum))
    words = (f"{word} {short_cost(cost, limit)}" for word, limit in limits if limit is not None)
    return f"{label(cost)} {' and '.join(words)}"


def at_least(low: float, high: float, span: float) -> Range:
    """Widens a range to `span`, its middle staying where it is."""
    missing = max(0.0, span - (high - low))
    return low - missing / 2, high + missing / 2
