"""Retrained designs as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from bnas.report.choices import CLOSED
from bnas.report.formatting import exact, percent
from bnas.report.tables.output import quiet, table

if TYPE_CHECKING:
    from bnas.runs.retraining.result import Retrained

_NUMBERS = ("#", "OPs", "proxy %", "test %", "95 % interval", "seeds")


def retrained_table(designs: Sequence["Retrained"], *notes: str) -> RenderableType:
    """The designs, cheapest first, as the plots number them.

    Args:
        designs: Retrained designs.
        notes: Sentences below.
    """
    rows = table(
        *("#", "design", "OPs", "proxy %", "test %", "95 % interval", "seeds", "front"),
        numbers=_NUMBERS,
    )
    for number, one in enumerate(designs, start=1):
        estimate, interval = one.estimate, one.estimate.interval if one.estimate else None
        rows.add_row(
            str(number),
            Text(one.entry.name, style="yellow" if one.entry.published else ""),
            exact(one.costs.ops),
            CLOSED if one.entry.proxy is None else percent(one.entry.proxy),
            CLOSED if estimate is None else percent(estimate.mean),
            CLOSED if interval is None else " to ".join(percent(end) for end in interval),
            str(len(estimate.seeds)) if estimate else "0",
            "yes" if one.on_front else "",
        )
    errors = [f"{one.entry.name}, {error}" for one in designs for error in one.errors]
    failed = [Text(f"failed: {error}", style="red") for error in errors]
    return Group(rows, *failed, *(quiet(note) for note in notes))
