"""`bnas explain`."""

import json
from pathlib import Path
from typing import Any

import click

from bnas.architecture import Architecture, Design
from bnas.cli import options
from bnas.cli.design import design_of
from bnas.cost import Alternative, Totals, alternatives, ledger


@click.command("explain")
@click.argument("design")
@options.image_size
@options.num_classes
@options.as_json()
@options.results_dir
def command(
    *,
    design: str,
    image_size: int | None,
    num_classes: int | None,
    as_json: bool,
    results_dir: Path,
) -> None:
    """Show what each choice of a design costs: the design priced with that one made otherwise."""
    found = design_of(design, results_dir)
    size, classes = image_size or found.image_size, num_classes or found.num_classes

    def price(architecture: Architecture) -> Totals:
        return ledger(
            architecture, image_size=size, num_classes=classes, in_channels=found.in_channels
        ).totals

    own, others = price(found.architecture), alternatives(found.architecture, price)
    if as_json:
        click.echo(json.dumps(_entry(found, own, others), indent=2))
        return
    from bnas.report.tables import alternatives_table, show

    show(alternatives_table(found, own, others, image_size=size, num_classes=classes))


def _entry(design: Design, own: Totals, others: tuple[Alternative, ...]) -> dict[str, Any]:
    return {
        "design": design.name,
        "totals": own.as_dict(),
        "alternatives": [
            {
                "choice": other.choice,
                "value": other.value,
                "other": other.other,
                "totals": other.totals.as_dict(),
            }
            for other in others
        ],
    }
