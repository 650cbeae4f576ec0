"""`bnas status`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnas.cli.options import as_json, results_dir, run_argument

if TYPE_CHECKING:
    from bnas.runs.folder import RunFolder


@click.command("status")
@run_argument
@as_json()
@results_dir
def command(*, run: str, as_json: bool, results_dir: Path) -> None:
    """Show how far a run is: counts per state; of a search, best values and hypervolume."""
    from bnas.runs.folder import find
    from bnas.runs.run import as_dict, open_run

    folder = find(results_dir, run)
    if folder.is_retraining:
        _show_retraining(folder, as_json=as_json)
        return
    opened = open_run(folder)
    status = opened.status()
    if as_json:
        click.echo(json.dumps(as_dict(status), indent=2))
        return
    from bnas.report.tables import show, status_table

    show(status_table(status))


def _show_retraining(folder: "RunFolder", *, as_json: bool) -> None:
    from bnas.runs.retraining.result import open_retraining

    retraining = open_retraining(folder)
    finished, failed = len(retraining.repetitions) - retraining.num_failed, retraining.num_failed
    if as_json:
        counts = {"finished": finished, "failed": failed}
        click.echo(json.dumps({"trainings": retraining.num_wanted, "counts": counts}, indent=2))
        return
    click.echo(f"{finished} of {retraining.num_wanted} trainings finished, {failed} failed")
