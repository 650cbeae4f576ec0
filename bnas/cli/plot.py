"""`bnas plot`."""

from pathlib import Path

import click

from bnas.cli.options import results_dir, run_argument


@click.command("plot")
@run_argument
@results_dir
def command(*, run: str, results_dir: Path) -> None:
    """Draw the front of a run again, as PNG, SVG and HTML."""
    from bnas.report.plots import plot_run
    from bnas.runs.run import open_run

    for path in plot_run(open_run(run, results_dir=results_dir)):
        click.echo(path)
