"""What a search leaves on the terminal: why it ended, the front, and where everything lies."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bnas.runs.search import SearchEnd

_INTERRUPTED = 130


def finish(ended: "SearchEnd") -> None:
    """Prints the end of a search, draws its front, and exits with 130 after Ctrl-C.

    A search that found nothing, since every trial failed or none was within the bounds, has the
    exit status 1.
    """
    from bnas.report.plots import plot_run
    from bnas.report.tables import front_table, show

    run, end = ended.run, ended.summary.end
    click.echo(f"search ended: {end.message}")
    show(front_table(run.front(), run.objectives, run.estimates))
    click.echo(f"run folder: {run.folder.path}")
    for path in plot_run(run):
        click.echo(f"plot: {path}")
    if end.reason in {"interrupted", "time"}:
        click.echo(f"go on with: bnas resume {run.folder.reference}")
    if end.reason == "interrupted":
        sys.exit(_INTERRUPTED)
    if end.reason != "time" and not any(t.outcome == "finished" for t in run.trials):
        click.echo("error: no trial has finished; see what they say above", err=True)
        sys.exit(1)
