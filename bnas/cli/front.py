"""`bnas front`."""

import json
from pathlib import Path

import click

from bnas.cli.options import as_json, results_dir, run_argument


@click.command("front")
@run_argument
@as_json()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@results_dir
def command(*, run: str, as_json: bool, as_csv: bool, results_dir: Path) -> None:
    """Print the front of a run, cheapest design first."""
    from bnas.runs.run import open_run
    from bnas.runs.tables import csv_text, front_entries, header, row

    if as_json and as_csv:
        raise click.UsageError("the front is printed in one form; drop --json or --csv")
    opened = open_run(run, results_dir=results_dir)
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
