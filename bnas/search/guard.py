"""The one guard: whatever an evaluation raises becomes the outcome of its trial."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bnas.architecture import from_dict
from bnas.search.port import Evaluation, Evaluator, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an evaluation has no score, and where it was raised."""

    error: str
    traceback: str


def evaluate_guarded(
    evaluator: Evaluator,
    architecture: dict[str, Any],
    *,
    seed: int,
    report: Callable[[Progress], bool],
) -> Evaluation | Failure:
    """Evaluates an architecture given as plain values.

    What `report` raises is not the evaluation's fault and is passed on.
    """
    reporting = False

    def watched(progress: Progress) -> bool:
        nonlocal reporting
        reporting = True
        go_on = report(progress)
        reporting = False
        return go_on

    try:
        return evaluator.evaluate(from_dict(architecture), seed=seed, report=watched)
    except Exception as error:  # one broken design must not end a search of hundreds
        if reporting:
            raise
        text = "".join(traceback.format_exception(error))
        return Failure(error=f"{type(error).__name__}: {error}", traceback=text)
