"""Cost from shapes alone: BOPs, FLOPs, OPs, ACE, parameters and packed bytes, layer by layer."""

from bnas.cost.ledger import COSTS, Ledger, ledger
from bnas.cost.pricing import LayerCost, Totals

__all__ = ["COSTS", "LayerCost", "Ledger", "Totals", "ledger"]
