"""Tables for a terminal, a pipe or a file."""

from bnas.report.tables.advice import alternatives_table, breaches_table
from bnas.report.tables.catalogue import designs_table, evaluators_table, spaces_table
from bnas.report.tables.design import design_table
from bnas.report.tables.fidelity import fidelity_table
from bnas.report.tables.front import front_table
from bnas.report.tables.ledger import ledger_table
from bnas.report.tables.output import show
from bnas.report.tables.retrained import retrained_table
from bnas.report.tables.score import score_table
from bnas.report.tables.status import status_table

__all__ = [
    "alternatives_table",
    "breaches_table",
    "design_table",
    "designs_table",
    "evaluators_table",
    "fidelity_table",
    "front_table",
    "ledger_table",
    "retrained_table",
    "score_table",
    "show",
    "spaces_table",
    "status_table",
]
