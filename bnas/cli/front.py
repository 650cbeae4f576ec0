"""`bnas front`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnas.cli.options import as_json, results_dir, run_argument

if TYPE_CHECKING:
    from bnas.runs.folder import RunFolder


@click.command("front")
@run_argument
@as_json()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@results_dir
def command(*, run: str, as_json: bool, as_csv: bool, results_dir: Path) -> None:
    """Print the front of a search, or all designs of a retraining, cheapest design first."""
    from bnas.runs.folder import find
    from bnas.runs.run import open_run
    from bnas.runs.tables import csv_text, front_entries, header, row

    if as_json and as_csv:
        raise click.UsageError("the front is printed in one form; drop --json or --csv")
    folder = find(results_dir, run)
    if folder.is_retraining:
        _print_retrained(folder, as_json=as_json, as_csv=as_csv)
        return
    opened = open_run(folder)
    front = opened.front()
    if as_json:
        entries = front_entries(front, opened.objectives, opened.estimates)
        click.echo(json.dumps(entries, indent=2))
    elif as_csv:
        names = opened.choice_names
        click.echo(csv_text([header(names), *(row(r, names) for r in front)]), nl=False)
    else:
        from bnas.report.tables import front_table, show

        show(front_table(front, opened.objectives, opened.estimates))


def _print_retrained(folder: "RunFolder", *, as_json: bool, as_csv: bool) -> None:
    from bnas.cli.retrained import print_retraining
    from bnas.runs.retraining.result import open_retraining

    retraining = open_retraining(folder)
    if as_json:
        click.echo(json.dumps(retraining.as_dict(), indent=2))
    elif as_csv:
        click.echo(folder.retrained.read_text(encoding="utf-8"), nl=False)
    else:
        print_retraining(retraining)
