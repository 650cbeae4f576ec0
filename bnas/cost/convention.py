"""Counting conventions: which operations of a layer are BOPs, FLOPs, or not counted.

A published figure means nothing without one; docs/cost-model.md says which tables use which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bnas.cost.totals import LayerCost


@dataclass(frozen=True, kw_only=True, slots=True)
class Convention:
    """A way to count operations.

    Attributes:
        name: What it is called.
        description: One line on what it counts and who uses it.
        ops_per_mac: Operations of one multiply-accumulate, binary or real.
        counts_elementwise: Whether an element-wise operation is a FLOP, or not counted.
    """

    name: str
    description: str
    ops_per_mac: int
    counts_elementwise: bool

    def counted(self, layer: LayerCost) -> LayerCost:
        """The layer in this convention, given in that of Bi-Real Net."""
        elementwise = layer.elementwise if self.counts_elementwise else 0
        return layer._replace(
            bops=self.ops_per_mac * layer.bops,
            flops=self.ops_per_mac * layer.flops + elementwise,
        )


BI_REAL = Convention(
    name="bi-real",
    description="one operation a MAC, nothing else: Bi-Real Net, Real-to-Binary, ReActNet, NAS-BNN",
    ops_per_mac=1,
    counts_elementwise=False,
)
ALL_ELEMENTWISE = Convention(
    name="all-elementwise",
    description="one operation a MAC, and one for each element-wise operation",
    ops_per_mac=1,
    counts_elementwise=True,
)
TWO_PER_MAC = Convention(
    name="two-per-mac",
    description="two operations a MAC, nothing else: aw_nas",
    ops_per_mac=2,
    counts_elementwise=False,
)

CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {convention.name: convention for convention in (BI_REAL, ALL_ELEMENTWISE, TWO_PER_MAC)}
)
