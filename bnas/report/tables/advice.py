"""What to know before building a design: what its choices cost, and what slows an engine down."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from bnas.architecture import Design
from bnas.cost import Alternative, Breach, Totals
from bnas.report.choices import option_text
from bnas.report.formatting import counted, exact
from bnas.report.tables.design import name_and_digest
from bnas.report.tables.output import facts, table


def alternatives_table(
    design: Design,
    own: Totals,
    others: Sequence[Alternative],
    *,
    image_size: int,
    num_classes: int,
) -> RenderableType:
    """OPs and bytes spent or saved by each choice made otherwise, where they change."""
    images = f"{image_size}x{image_size} images, {counted(num_classes, 'class', 'classes')}"
    head = facts(
        [
            ("design", name_and_digest(design)),
            ("priced for", images),
            ("OPs", exact(own.ops)),
            ("bytes", exact(own.packed_bytes)),
        ]
    )
    numbers = ["OPs", "", "bytes", " "]
    rows = table("choice", "is", "if it were", *numbers, numbers=numbers)
    for other in others:
        if (other.totals.ops, other.totals.packed_bytes) == (own.ops, own.packed_bytes):
            # Another number of element-wise operations, say: of no convention that is in use.
            continue
        rows.add_row(
            other.choice,
            option_text(other.value),
            option_text(other.other),
            *_change(own.ops, other.totals.ops),
            *_change(own.packed_bytes, other.totals.packed_bytes),
        )
    return Group(head, rows)


def _change(own: float, other: float) -> tuple[str, str]:
    """The difference, exactly and in percent of what there is."""
    if own == other:
        return "", ""
    difference = other - own
    sign = "+" if difference > 0 else "-"
    return f"{sign}{exact(abs(difference))}", f"{100 * difference / own:+.1f} %"


def breaches_table(design: Design, broken: Sequence[Breach], *, target: str) -> RenderableType:
    """The rules that the layers of a design break; one row for layers that break one alike."""
    head = facts([("design", name_and_digest(design)), ("engine", target)])
    if not broken:
        return Group(head, Text("Every binary layer keeps every rule."))
    rows = table("rule", "layers", "what is wrong", wrap=["layers", "what is wrong"])
    for rule, message, layers in _alike(broken):
        rows.add_row(rule, ", ".join(layers), message)
    return Group(head, rows)


def _alike(broken: Sequence[Breach]) -> Iterator[tuple[str, str, list[str]]]:
    found: dict[tuple[str, str], list[str]] = {}
    for breach in broken:
        found.setdefault((breach.rule, breach.message), []).append(breach.layer)
    for (rule, message), layers in found.items():
        yield rule, message, layers
