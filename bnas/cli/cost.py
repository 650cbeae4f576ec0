"""`bnas cost`."""

import json
from pathlib import Path
from typing import Any

import click

from bnas.architecture import Design
from bnas.cli.design import design_of
from bnas.cli.options import as_json, results_dir
from bnas.cost import Ledger, ledger


@click.command("cost")
@click.argument("design")
@click.option(
    "--image-size",
    type=click.IntRange(1, 4096),
    help="Height and width in pixels.  [default: the design's own]",
)
@click.option(
    "--num-classes",
    type=click.IntRange(1, 1_000_000),
    help="Outputs of the classifier.  [default: the design's own]",
)
@click.option("--verbose", "-v", is_flag=True, help="List the layers whose operations count zero.")
@as_json()
@results_dir
def command(
    *,
    design: str,
    image_size: int | None,
    num_classes: int | None,
    verbose: bool,
    as_json: bool,
    results_dir: Path,
) -> None:
    """Price a design layer by layer: OPs = BOPs / 64 + FLOPs."""
    found = design_of(design, results_dir)
    size, classes = image_size or found.image_size, num_classes or found.num_classes
    priced = ledger(
        found.architecture, image_size=size, num_classes=classes, in_channels=found.in_channels
    )
    if as_json:
        click.echo(json.dumps(_entry(found, priced), indent=2))
        return
    from bnas.report.tables import ledger_table, show

    show(ledger_table(found, priced, image_size=size, num_classes=classes, verbose=verbose))


def _entry(design: Design, priced: Ledger) -> dict[str, Any]:
    return {
        "design": design.name,
        "totals": priced.totals.as_dict(),
        "layers": [{**layer._asdict(), "ops": layer.ops} for layer in priced.layers],
    }
