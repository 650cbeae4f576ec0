"""`bnas plot`."""

from pathlib import Path

import click

from bnas.cli.options import results_dir, run_argument


@click.command("plot")
@run_argument
@results_dir
def command(*, run: str, results_dir: Path) -> None:
    """Draw the plots of a search or a retraining again."""
    from bnas.report.plots import plot_retraining, plot_run
    from bnas.runs.folder import find
    from bnas.runs.retraining.result import open_retraining
    from bnas.runs.run import open_run

    folder = find(results_dir, run)
    if folder.is_retraining:
        paths = plot_retraining(open_retraining(folder))
    else:
        paths = plot_run(open_run(folder))
    for path in paths:
        click.echo(path)
