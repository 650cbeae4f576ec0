"""`bnas check`."""

import json
from pathlib import Path

import click

from bnas.cli import options
from bnas.cli.design import design_of
from bnas.cost import breaches
from bnas.cost.deployment import TARGETS, Target


@click.command("check")
@click.argument("design")
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    default=TARGETS[0],
    show_default=True,
    help="The engine: lce is Larq Compute Engine.",
)
@options.image_size
@options.as_json()
@options.results_dir
def command(
    *, design: str, target: Target, image_size: int | None, as_json: bool, results_dir: Path
) -> None:
    """Say whether the binary layers of a design run fast on a deployed engine, and why not."""
    found = design_of(design, results_dir)
    broken = breaches(found.architecture, target=target, image_size=image_size or found.image_size)
    if as_json:
        entry = {"design": found.name, "target": target, "fast": not broken}
        click.echo(json.dumps({**entry, "breaches": [b._asdict() for b in broken]}, indent=2))
        return
    from bnas.report.tables import breaches_table, show

    show(breaches_table(found, broken, target=target))
