"""Cost from shapes alone: BOPs, FLOPs, OPs, ACE, parameters and bytes, layer by layer."""

from bnas.cost.alternatives import Alternative, alternatives
from bnas.cost.convention import ALL_ELEMENTWISE, BI_REAL, CONVENTIONS, TWO_PER_MAC, Convention
from bnas.cost.deployment import Breach, breaches
from bnas.cost.ledger import COSTS, Ledger, ledger
from bnas.cost.published import PublishedPoint, published_points
from bnas.cost.totals import LayerCost, Totals

__all__ = [
    "ALL_ELEMENTWISE",
    "BI_REAL",
    "CONVENTIONS",
    "COSTS",
    "TWO_PER_MAC",
    "Alternative",
    "Breach",
    "Convention",
    "LayerCost",
    "Ledger",
    "PublishedPoint",
    "Totals",
    "alternatives",
    "breaches",
    "ledger",
    "published_points",
]
