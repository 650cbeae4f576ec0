"""`bnas show`."""

import json
from pathlib import Path

import click

from bnas.architecture import design_to_dict
from bnas.cli.design import design_of
from bnas.cli.options import as_json, results_dir


@click.command("show")
@click.argument("design")
@as_json("Print the design as JSON, which DESIGN may name.")
@results_dir
def command(*, design: str, as_json: bool, results_dir: Path) -> None:
    """Describe a design: skeleton, stages and unit."""
    found = design_of(design, results_dir)
    if as_json:
        click.echo(json.dumps(design_to_dict(found), indent=2))
        return
    from bnas.report.tables import design_table, show

    show(design_table(found))
