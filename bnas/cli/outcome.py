"""What a search leaves on the terminal: why it ended, the front, and where everything lies."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bnas.runs.search import SearchEnd

_INTERRUPTED = 130


def finish(ended: "SearchEnd", *, default_results_dir: bool) -> None:
    """Prints the end of a search, draws its front, and exits with 130 after Ctrl-C."""
    from bnas.report.plots import plot_run
    from bnas.report.tables import front_table, show

    run, end = ended.run, ended.summary.end
    name = run.folder.name if default_results_dir else str(run.folder.path)
    click.echo(f"search ended: {end.message}")
    show(front_table(run.front(), run.objectives, run.estimates))
    click.echo(f"run folder: {run.folder.path}")
    for path in plot_run(run):
        click.echo(f"plot: {path}")
    if end.reason in {"interrupted", "time"}:
        click.echo(f"go on with: bnas resume {name}")
    if end.reason == "interrupted":
        sys.exit(_INTERRUPTED)
