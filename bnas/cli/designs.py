"""`bnas designs`."""

import json
from dataclasses import asdict

import click

from bnas.architecture import Design, load_design, published_names
from bnas.cli.options import as_json
from bnas.cost import ledger


@click.command("designs")
@as_json()
def command(*, as_json: bool) -> None:
    """List the published designs with their cost at their own image size."""
    designs = [load_design(name) for name in published_names()]
    if as_json:
        click.echo(json.dumps([_entry(design) for design in designs], indent=2))
        return
    from bnas.report.tables import designs_table, show

    show(designs_table(designs))


def _entry(design: Design) -> dict[str, object]:
    totals = ledger(
        design.architecture,
        image_size=design.image_size,
        num_classes=design.num_classes,
        in_channels=design.in_channels,
    ).totals
    return {
        "design": design.name,
        "description": design.description,
        "source": design.source,
        "image_size": design.image_size,
        "num_classes": design.num_classes,
        "totals": totals.as_dict(),
        "published": [asdict(figure) for figure in design.published],
    }
