"""Cost from shapes alone: BOPs, FLOPs, OPs, ACE, parameters and bytes, layer by layer."""

from bnas.cost.convention import ALL_ELEMENTWISE, BI_REAL, CONVENTIONS, TWO_PER_MAC, Convention
from bnas.cost.ledger import COSTS, Ledger, ledger
from bnas.cost.totals import LayerCost, Totals

__all__ = [
    "ALL_ELEMENTWISE",
    "BI_REAL",
    "CONVENTIONS",
    "COSTS",
    "TWO_PER_MAC",
    "Convention",
    "LayerCost",
    "Ledger",
    "Totals",
    "ledger",
]
