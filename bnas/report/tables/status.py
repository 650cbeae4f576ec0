"""Where a run stands."""

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table

from bnas.report.formatting import label, objective
from bnas.report.tables.output import facts

if TYPE_CHECKING:
    from bnas.runs.run import Status
    from bnas.search.trials import Outcome

_MEANINGS: Final[dict["Outcome", str]] = {
    "infeasible": "outside the bounds, not trained",
    "duplicate": "proposed before, not trained again",
    "running": "at work, or left by an interruption",
}


def status_table(status: "Status") -> RenderableType:
    """Trials by outcome, the best of each objective, and the hypervolume."""
    reference = ", ".join(f"{label(n)} {objective(n, v)}" for n, v in status.reference.items())
    best = [(f"best {label(name)}", objective(name, v)) for name, v in status.best.items()]
    volume = f"{status.hypervolume:.4f}, accuracy times log10 of each cost, from {reference}"
    return Group(_counts(status), "", facts([*best, ("hypervolume", volume)]))


def _counts(status: "Status") -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(style="dim", overflow="fold")
    grid.add_row("trials", f"{status.trials:,}", "asked for")
    for outcome, number in status.counts.items():
        grid.add_row(outcome, f"{number:,}", _MEANINGS.get(outcome, ""))
    return grid
