"""What there is: search spaces, evaluators and published designs, one row each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bnas.architecture import Design, PublishedFigure
from bnas.cost import Totals, ledger
from bnas.report.formatting import exact
from bnas.report.tables.output import quiet, table

if TYPE_CHECKING:
    from bnas.space import SearchSpace

_CITABLE = frozenset("VCS")
_MARKS = "V: read in the paper or its code; C: counted by hand; S: in another author's table."

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


def designs_table(designs: Sequence[Design]) -> RenderableType:
    """Published designs with their cost at their own image size, beside what is published."""
    numbers = ["images", "classes", "OPs", "packed bytes", "published OPs", "top-1 %"]
    texts = ["description", "source"]
    rows = table("design", *numbers, *texts, numbers=numbers, wrap=texts)
    for design in designs:
        totals = _totals(design)
        rows.add_row(
            design.name,
            f"{design.image_size}x{design.image_size}",
            str(design.num_classes),
            exact(totals.ops),
            exact(totals.packed_bytes),
            _published(design, "ops"),
            _published(design, "top1"),
            design.description,
            design.source,
        )
    return Group(rows, quiet(_MARKS), *_deviations(designs))


def _deviations(designs: Sequence[Design]) -> Iterator[Text]:
    """Why published operations are others than those counted here."""
    for design in designs:
        for figure in design.published:
            if figure.figure == "ops" and figure.note and figure.mark in _CITABLE:
                here = 100 * (_totals(design).ops / figure.value - 1)
                text = f"{design.name}: {here:+.1f} % here against {_figure(figure)}: {figure.note}"
                yield quiet(text)


def _published(design: Design, name: str) -> str:
    """The published figures of one kind with their marks; what is only remembered is none."""
    return ", ".join(
        _figure(figure)
        for figure in design.published
        if figure.figure == name and figure.mark in _CITABLE
    )


def _figure(figure: PublishedFigure) -> str:
    return f"{figure.value:.4g} {figure.mark}".replace("e+0", "e")


def _totals(design: Design) -> Totals:
    return ledger(
        design.architecture,
        image_size=design.image_size,
        num_classes=design.num_classes,
        in_channels=design.in_channels,
    ).totals
