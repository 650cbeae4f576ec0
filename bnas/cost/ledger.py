"""The cost ledger: every layer of a design with its price, from shapes alone."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from bnas.architecture.model import Architecture
from bnas.architecture.plan import plan
from bnas.cost.convention import BI_REAL, Convention
from bnas.cost.layers import layers
from bnas.cost.totals import Kind, LayerCost, Totals, total

Cost: TypeAlias = Literal["ops", "bops", "flops", "ace", "packed_bytes", "peak_activation_bytes"]
COSTS: tuple[Cost, ...] = get_args(Cost)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """The layers of a network in order of execution, and their sum.

    Attributes:
        layers: A row for each layer.
        totals: The sums of the rows.
        convention: Which operations are counted, and how.
    """

    layers: tuple[LayerCost, ...]
    totals: Totals
    convention: Convention

    @property
    def float_twin_flops(self) -> int:
        """FLOPs of the same network with every operand real."""
        return self.totals.bops + self.totals.flops

    @property
    def uncounted(self) -> dict[Kind, int]:
        """Element-wise operations that the convention leaves out, by kind of layer."""
        found: dict[Kind, int] = {}
        for layer in self.layers:
            if layer.elementwise and not self.convention.counts_elementwise:
                found[layer.kind] = found.get(layer.kind, 0) + layer.elementwise
        return found


def ledger(
    architecture: Architecture,
    *,
    image_size: int,
    num_classes: int,
    in_channels: int = 3,
    convention: Convention = BI_REAL,
) -> Ledger:
    """Prices a valid architecture for square images.

    Args:
        architecture: The design.
        image_size: Height and width of an image in pixels.
        num_classes: Outputs of the classifier.
        in_channels: Channels of an image.
        convention: Which operations are counted, and how.
    """
    network = plan(architecture, in_channels=in_channels, image_size=image_size)
    rows = layers(network, image_size=image_size, num_classes=num_classes)
    if convention != BI_REAL:
        rows = tuple(map(convention.counted, rows))
    return Ledger(layers=rows, totals=total(rows), convention=convention)
