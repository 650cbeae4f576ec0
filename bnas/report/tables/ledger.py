"""The ledger of a design as a table: what each layer costs, and what all of them cost."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table

from bnas.architecture import Design
from bnas.cost import LayerCost, Ledger
from bnas.report.formatting import counted, exact, label
from bnas.report.tables.design import name_and_digest
from bnas.report.tables.output import UNLIMITED, facts, quiet, table


class _Column(NamedTuple):
    """A column: its title, the cell of a layer, and whether totals are summed in it."""

    title: str
    cell: Callable[[LayerCost], str]
    is_number: bool = True


def _number(value: float) -> str:
    return exact(value) if value else ""


def _square(size: int) -> str:
    return f"{size}x{size}" if size else ""


_COLUMNS: Final = (
    _Column("layer", lambda row: row.name, is_number=False),
    _Column("kind", lambda row: row.kind, is_number=False),
    _Column("channels", lambda row: f"{row.in_channels}->{row.out_channels}"),
    _Column(
        "kernel", lambda row: f"{row.kernel_size}x{row.kernel_size}" if row.kernel_size else ""
    ),
    _Column("groups", lambda row: str(row.groups) if row.groups > 1 else ""),
    _Column("size", lambda row: _square(row.out_size)),
    _Column("BOPs", lambda row: _number(row.bops)),
    _Column("FLOPs", lambda row: _number(row.flops)),
    _Column("OPs", lambda row: _number(row.ops)),
    _Column("params", lambda row: _number(row.binary_params + row.real_params)),
    _Column("bytes", lambda row: _number(row.packed_bytes)),
)
# Left out in this order where a terminal is too narrow.
_DISPENSABLE: Final = ("groups", "bytes", "params", "kernel", "size", "kind", "channels", "OPs")
_SHAPES: Final = ("kind", "channels", "kernel", "groups", "size")

_MEANINGS: Final[dict[str, str]] = {
    "bops": "operations with two 1-bit operands",
    "flops": "all other operations that are counted",
    "ops": "BOPs / 64 + FLOPs",
    "ace": "sum over MACs of weight bits times activation bits, 16 for a real operand",
    "binary_params": "",
    "real_params": "",
    "packed_bytes": "weights as they are deployed",
    "peak_activation_bytes": "activations that are alive at once, for one image",
    "elementwise": "norms, additions, non-linearities and the like",
}


def ledger_table(
    design: Design,
    priced: Ledger,
    *,
    image_size: int,
    num_classes: int,
    verbose: bool = False,
) -> RenderableType:
    """What a design costs, layer by layer and in total.

    Args:
        design: The design.
        priced: Its ledger.
        image_size: Height and width in pixels that it was priced for.
        num_classes: Number of classes that it was priced for.
        verbose: List every layer; else those without operations that count are one row.
    """
    images = f"{image_size}x{image_size} images, {counted(design.in_channels, 'channel')}"
    head = facts(
        [
            ("design", name_and_digest(design)),
            ("", design.description),
            ("priced for", f"{images}, {counted(num_classes, 'class', 'classes')}"),
            ("counting", f"{priced.convention.name}: {priced.convention.description}"),
        ]
    )
    return Group(head, _Layers(priced, verbose=verbose), _totals(priced))


class _Layers:
    """The table of the layers, with as many columns as there is room for."""

    def __init__(self, priced: Ledger, *, verbose: bool) -> None:
        self._layers = priced.layers
        self._totals = priced.totals
        self._verbose = verbose

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grouped = any(layer.groups > 1 for layer in self._layers)
        dispensable = list(_DISPENSABLE)
        left_out = [] if grouped else [dispensable.pop(0)]
        rows = self._table(left_out)
        missing: list[str] = []
        unlimited = options.update(max_width=UNLIMITED)
        while dispensable and Measurement.get(console, unlimited, rows).minimum > options.max_width:
            missing.append(dispensable.pop(0))
            rows = self._table(left_out + missing)
        yield rows
        if missing:
            yield quiet(f"No room for {', '.join(missing)}: a wider terminal or --json shows them.")

    def _table(self, left_out: Sequence[str]) -> Table:
        columns = [column for column in _COLUMNS if column.title not in left_out]
        rows = table(
            *(column.title for column in columns),
            numbers=[column.title for column in columns if column.is_number],
        )
        listed = [layer for layer in self._layers if self._verbose or layer.ops]
        folded = [layer for layer in self._layers if not (self._verbose or layer.ops)]
        for layer in listed:
            rows.add_row(*(column.cell(layer) for column in columns))
        if folded:
            cells = _summed(columns, folded, counted(len(folded), "other layer"))
            rows.add_row(*cells, style="dim")
        rows.add_section()
        rows.add_row(*_summed(columns, self._layers, "total"), style="bold")
        return rows


def _summed(columns: Sequence[_Column], layers: Sequence[LayerCost], name: str) -> list[str]:
    """One row for several layers; what cannot be summed is empty."""
    total = LayerCost(
        name=name,
        kind=layers[0].kind,
        in_channels=0,
        out_channels=0,
        out_size=0,
        bops=sum(layer.bops for layer in layers),
        flops=sum(layer.flops for layer in layers),
        binary_params=sum(layer.binary_params for layer in layers),
        real_params=sum(layer.real_params for layer in layers),
        packed_bytes=sum(layer.packed_bytes for layer in layers),
    )
    return ["" if column.title in _SHAPES else column.cell(total) for column in columns]


def _totals(priced: Ledger) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(style="dim", overflow="fold")
    for name, value in priced.totals.as_dict().items():
        grid.add_row(label(name), exact(value), _meaning(name, priced))
    twin = exact(priced.float_twin_flops)
    grid.add_row("float twin", twin, "FLOPs of the same network with real operands only")
    return grid


def _meaning(name: str, priced: Ledger) -> str:
    meaning = _MEANINGS.get(name, "")
    if name == "elementwise" and not priced.convention.counts_elementwise:
        kinds = Counter(priced.uncounted).most_common()
        listed = ", ".join(f"{kind} {exact(number)}" for kind, number in kinds)
        return f"not counted here: {listed}"
    return meaning
