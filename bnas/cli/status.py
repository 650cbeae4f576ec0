"""`bnas status`."""

import json
from pathlib import Path

import click

from bnas.cli.options import as_json, results_dir, run_argument


@click.command("status")
@run_argument
@as_json()
@results_dir
def command(*, run: str, as_json: bool, results_dir: Path) -> None:
    """Show how far a run is: counts per state, best values, hypervolume."""
    from bnas.runs.run import as_dict, open_run

    opened = open_run(run, results_dir=results_dir)
    status = opened.status()
    if as_json:
        click.echo(json.dumps(as_dict(status), indent=2))
        return
    from bnas.report.tables import show, status_table

    show(status_table(status))
