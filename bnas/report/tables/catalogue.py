"""What there is: search spaces, evaluators and published designs, one row each."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from bnas.architecture import Design
from bnas.cost import ledger
from bnas.report.formatting import exact
from bnas.report.tables.output import table

if TYPE_CHECKING:
    from bnas.space import SearchSpace

# Larger spaces have too many digits to read.
_WRITTEN_OUT = 10**9


def spaces_table(spaces: Sequence["SearchSpace"]) -> Table:
    """Search spaces with their size and what a search of them begins with."""
    rows = table(
        "space",
        "designs",
        "description",
        "first candidates",
        numbers=["designs"],
        wrap=["description", "first candidates"],
    )
    for space in spaces:
        names = ", ".join(name for name, _ in space.first_candidates)
        rows.add_row(space.name, _size(space.size()), space.definition.description, names)
    return rows


def _size(size: int) -> str:
    return exact(size) if size < _WRITTEN_OUT else f"{size:.3g}".replace("e+", "e")


def evaluators_table(descriptions: Mapping[str, str]) -> Table:
    """Evaluators with what they are."""
    rows = table("evaluator", "description", wrap=["description"])
    for name, description in descriptions.items():
        rows.add_row(name, description)
    return rows


def designs_table(designs: Sequence[Design]) -> Table:
    """Published designs with their cost at their own image size."""
    numbers = ["images", "classes", "OPs", "packed bytes"]
    rows = table(
        "design", *numbers, "description", "source", numbers=numbers, wrap=["description", "source"]
    )
    for design in designs:
        totals = ledger(
            design.architecture,
            image_size=design.image_size,
            num_classes=design.num_classes,
            in_channels=design.in_channels,
        ).totals
        rows.add_row(
            design.name,
            f"{design.image_size}x{design.image_size}",
            str(design.num_classes),
            exact(totals.ops),
            exact(totals.packed_bytes),
            design.description,
            design.source,
        )
    return rows
