"""The tables of a run: one row a trial, and the front."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from bnas.cost import Totals
from bnas.search.objectives import ObjectiveName
from bnas.search.trials import TrialRecord

_COSTS = tuple(field.name for field in fields(Totals))
_BEFORE = ("trial", "state", "digest", "candidate")
_AFTER = ("accuracy", "loss", *_COSTS, "epochs", "seconds", "duplicate_of", "error")


def header(choice_names: Sequence[str]) -> list[str]:
    """Columns of `trials.csv`: every choice of the space, every objective and every cost."""
    return [*_BEFORE, *choice_names, *_AFTER]


def row(record: TrialRecord, choice_names: Sequence[str]) -> list[Any]:
    """One trial; a cell is empty where a choice is not open or a value is not known."""
    evaluation = record.evaluation
    measured = (evaluation.accuracy, evaluation.loss) if evaluation is not None else (None, None)
    spent = (evaluation.epochs, f"{evaluation.seconds:.3f}") if evaluation is not None else ("", "")
    return [
        record.number,
        record.outcome,
        record.digest,
        record.candidate,
        *(record.choices.get(name) for name in choice_names),
        *measured,
        *(getattr(record.costs, name) for name in _COSTS),
        *spent,
        record.duplicate_of,
        record.error,
    ]


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV (RFC 4180 quoting, lines end in a newline)."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def front_entry(record: TrialRecord, objectives: Sequence[ObjectiveName]) -> dict[str, Any]:
    """One member of the front, as `front.json` and `bnas front --json` hold it."""
    return {
        "digest": record.digest,
        "choices": dict(record.choices),
        "objectives": record.objectives(objectives),
        "costs": record.costs.as_dict(),
        "epochs": record.evaluation.epochs if record.evaluation is not None else 0,
    }
