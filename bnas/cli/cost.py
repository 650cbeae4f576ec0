"""`bnas cost`."""

import json
from pathlib import Path
from typing import Any

import click

from bnas.architecture import Design
from bnas.cli import options
from bnas.cli.design import design_of
from bnas.cost import BI_REAL, CONVENTIONS, Ledger, ledger


@click.command("cost")
@click.argument("design")
@options.image_size
@options.num_classes
@click.option(
    "--convention",
    type=click.Choice(list(CONVENTIONS)),
    default=BI_REAL.name,
    show_default=True,
    help="Which operations count, see docs/cost-model.md.",
)
@click.option("--verbose", "-v", is_flag=True, help="List the layers whose operations count zero.")
@options.as_json()
@options.results_dir
def command(
    *,
    design: str,
    image_size: int | None,
    num_classes: int | None,
    convention: str,
    verbose: bool,
    as_json: bool,
    results_dir: Path,
) -> None:
    """Price a design layer by layer: OPs = BOPs / 64 + FLOPs."""
    found = design_of(design, results_dir)
    size, classes = image_size or found.image_size, num_classes or found.num_classes
    priced = ledger(
        found.architecture,
        image_size=size,
        num_classes=classes,
        in_channels=found.in_channels,
        convention=CONVENTIONS[convention],
    )
    if as_json:
        click.echo(json.dumps(_entry(found, priced), indent=2))
        return
    from bnas.report.tables import ledger_table, show

    show(ledger_table(found, priced, image_size=size, num_classes=classes, verbose=verbose))


def _entry(design: Design, priced: Ledger) -> dict[str, Any]:
    return {
        "design": design.name,
        "convention": priced.convention.name,
        "uncounted": priced.uncounted,
        "totals": priced.totals.as_dict(),
        "layers": [{**layer._asdict(), "ops": layer.ops} for layer in priced.layers],
    }
