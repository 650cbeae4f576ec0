"""The tables of a run: one row a trial, and the front."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

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


class _Repeated(Protocol):
    def as_dict(self) -> dict[str, Any]: ...


def front_entries(
    front: Iterable[TrialRecord],
    objectives: Sequence[ObjectiveName],
    repeated: Mapping[str, _Repeated],
) -> list[dict[str, Any]]:
    """The front as `front.json` and `bnas front --json` hold it.

    Args:
        front: Its members, cheapest first.
        objectives: What is optimised.
        repeated: What is known of repeated designs, by digest.
    """
    return [_front_entry(r, objectives, repeated.get(r.digest)) for r in front]


def _front_entry(
    record: TrialRecord, objectives: Sequence[ObjectiveName], repeated: _Repeated | None
) -> dict[str, Any]:
    return {
        "digest": record.digest,
        "choices": dict(record.choices),
        "objectives": record.objectives(objectives),
        "costs": record.costs.as_dict(),
        "epochs": record.evaluation.epochs if record.evaluation is not None else 0,
        "repeats": None if repeated is None else repeated.as_dict(),
    }
