"""The description of a design: skeleton, stem, stages, and what its units are like."""

from dataclasses import fields
from itertools import pairwise
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bnas.architecture import Architecture, Design, Stage, Unit, digest
from bnas.report.choices import CLOSED, option_text
from bnas.report.formatting import counted
from bnas.report.tables.output import facts, table

_SKELETONS: Final = {
    "resnet": "resnet: blocks of two 3x3 units",
    "mobilenet": "mobilenet: blocks of a 3x3 unit and a 1x1 unit",
    "vgg": "vgg: one 3x3 unit a block, pooling at the end of a stage with a stride",
}
# What goes without saying of a field; None if nothing does.
_FIELDS: Final = {field.name: field.metadata.get("neutral") for field in fields(Unit)}


def design_table(design: Design) -> RenderableType:
    """What a design is: what its stages have in common once, and where they differ."""
    architecture = design.architecture
    units = [stage.unit for stage in architecture.stages]
    texts = {
        name: [_text(unit, name) for unit in units]
        for name, neutral in _FIELDS.items()
        if neutral is None or any(getattr(unit, name) not in (None, neutral) for unit in units)
    }
    common = {name: row[0] for name, row in texts.items() if len(set(row)) == 1}
    differing = {name: row for name, row in texts.items() if name not in common}
    return Group(
        _head(design),
        Text(),
        Text("Units of all stages" if differing else "Units", style="bold"),
        facts((name, text) for name, text in common.items() if text != CLOSED),
        _stages(architecture, differing),
    )


def name_and_digest(design: Design) -> str:
    """How a design is called; the designs of a run have no name but their digest."""
    found = digest(design.architecture)
    return found if design.name == found else f"{design.name} ({found})"


def _head(design: Design) -> Table:
    architecture = design.architecture
    stem = architecture.stem
    precision = "real" if stem.bits == 32 else f"{stem.bits}-bit"
    size = f"{design.image_size}x{design.image_size}"
    return facts(
        [
            ("design", name_and_digest(design)),
            ("", design.description),
            ("source", design.source),
            ("made for", f"{size} images, {counted(design.in_channels, 'channel')}"),
            ("skeleton", _SKELETONS.get(architecture.skeleton, architecture.skeleton)),
            ("stem", f"{precision} {stem.kind}, {counted(stem.width, 'channel')}"),
            ("head", _classification(design)),
        ]
    )


def _classification(design: Design) -> str:
    """From the last stage to the classes; inputs of the first layer are known without pooling."""
    head, layers = design.architecture.head, ["average pooling"]
    widths = [str(design.architecture.stages[-1].width), *map(str, head.hidden)]
    if head.pooling == "flatten":
        layers, widths[0] = ["all pixels"], "all"
    layers += [f"binary linear {one}->{two}" for one, two in pairwise(widths)]
    return ", ".join([*layers, f"real linear {widths[-1]}->{design.num_classes}"])


def _stages(architecture: Architecture, differing: dict[str, list[str]]) -> Table:
    titles = ["stage", "blocks", "channels", "stride", "widening", "downsampling"]
    rows = table(*titles, *differing, numbers=titles[:4], wrap=[*titles[4:], *differing])
    in_channels = architecture.stem.width
    for index, stage in enumerate(architecture.stages):
        rows.add_row(
            str(index + 1),
            _blocks(stage),
            f"{in_channels}->{stage.width}",
            str(stage.stride),
            _with_groups(stage.widening, stage.widening_groups),
            _with_groups(stage.downsampling, stage.downsampling_groups),
            *(texts[index] for texts in differing.values()),
        )
        in_channels = stage.width
    return rows


def _blocks(stage: Stage) -> str:
    size = stage.kernel_size
    return str(stage.depth) + (f" of {size}x{size}" if size != 3 else "")


def _with_groups(choice: str | None, groups: int | None) -> str:
    return (choice or CLOSED) + (f", {groups} groups" if groups and groups > 1 else "")


def _text(unit: Unit, name: str) -> str:
    value = getattr(unit, name)
    return CLOSED if value is None else option_text(value)
