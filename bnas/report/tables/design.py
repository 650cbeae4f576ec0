"""The description of a design: skeleton, stem, stages, and what its units are like."""

from dataclasses import fields
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
}
_FIELDS: Final = tuple(field.name for field in fields(Unit))


def design_table(design: Design) -> RenderableType:
    """What a design is: what its stages have in common once, and where they differ."""
    architecture = design.architecture
    units = [stage.unit for stage in architecture.stages]
    texts = {name: [_text(unit, name) for unit in units] for name in _FIELDS}
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
    stem, last = architecture.stem, architecture.stages[-1]
    size = f"{design.image_size}x{design.image_size}"
    return facts(
        [
            ("design", name_and_digest(design)),
            ("", design.description),
            ("source", design.source),
            ("made for", f"{size} images, {counted(design.in_channels, 'channel')}"),
            ("skeleton", _SKELETONS.get(architecture.skeleton, architecture.skeleton)),
            ("stem", f"real {stem.kind}, {counted(stem.width, 'channel')}"),
            ("head", f"average pooling, real linear {last.width}->{design.num_classes}"),
        ]
    )


def _stages(architecture: Architecture, differing: dict[str, list[str]]) -> Table:
    titles = ["stage", "blocks", "channels", "stride", "widening", "downsampling"]
    rows = table(*titles, *differing, numbers=titles[:4], wrap=[*titles[4:], *differing])
    in_channels = architecture.stem.width
    for index, stage in enumerate(architecture.stages):
        rows.add_row(
            str(index + 1),
            str(stage.depth),
            f"{in_channels}->{stage.width}",
            str(stage.stride),
            stage.widening or CLOSED,
            _downsampling(stage),
            *(texts[index] for texts in differing.values()),
        )
        in_channels = stage.width
    return rows


def _downsampling(stage: Stage) -> str:
    groups = stage.downsampling_groups or 1
    return (stage.downsampling or CLOSED) + (f", {groups} groups" if groups > 1 else "")


def _text(unit: Unit, name: str) -> str:
    value = getattr(unit, name)
    return CLOSED if value is None else option_text(value)
