"""Trials as a search would leave them: sampled designs with their true costs and a fake score."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bnas.architecture import Architecture, digest, to_dict
from bnas.cost import ledger
from bnas.search.port import Evaluation
from bnas.search.trials import Outcome, TrialRecord
from bnas.space import SearchSpace, load_space

MAX_OPS = 200_000.0


def fake_record(
    space: SearchSpace, architecture: Architecture, *, number: int, **changes: Any
) -> TrialRecord:
    """A running trial of a digits-sized network, with `changes`."""
    values: dict[str, Any] = {
        "number": number,
        "digest": digest(architecture),
        "choices": space.encode(architecture),
        "architecture": to_dict(architecture),
        "costs": ledger(architecture, image_size=8, num_classes=10, in_channels=1).totals,
    }
    return TrialRecord(**(values | changes))


def fake_evaluation(record: TrialRecord, rng: np.random.Generator) -> Evaluation:
    """A score that grows with the operations and with what the papers found to help."""
    helps = 2.0 * (record.choices["nonlinearity"] != "none") + 2.5 * (
        record.choices["shortcut"] == "conv"
    )
    logit = 1.6 * (math.log10(record.costs.ops) - 3.4) + 0.4 * helps - 0.4 + rng.normal(0, 0.5)
    accuracy = round(300 * (0.1 + 0.89 / (1 + math.exp(-logit)))) / 300
    return Evaluation(accuracy=accuracy, loss=1 - accuracy, epochs=8, seconds=rng.uniform(2, 9))


def fake_records(num_trials: int, *, seed: int = 0, max_ops: float = MAX_OPS) -> list[TrialRecord]:
    """Records of a search of the resnet space: first candidates, then random proposals.

    About one in fifteen fails; designs above `max_ops` are infeasible; some come twice.
    """
    space, rng = load_space("resnet"), np.random.default_rng(seed)
    proposals = [*space.first_candidates]
    records: list[TrialRecord] = []
    while sum(record.outcome in {"finished", "failed"} for record in records) < num_trials:
        name, architecture = proposals.pop(0) if proposals else (None, space.sample(rng))
        record = fake_record(space, architecture, number=len(records), candidate=name)
        records.append(_ended(record, rng, max_ops))
        if rng.random() < 0.1:
            records.append(_duplicate(records[-1], len(records)))
    return records


def _ended(record: TrialRecord, rng: np.random.Generator, max_ops: float) -> TrialRecord:
    if record.costs.ops > max_ops:
        return changed(record, outcome="infeasible")
    if rng.random() < 1 / 15 and record.candidate is None:
        return changed(record, outcome="failed", error="EvaluationFailed: the loss became NaN")
    return changed(record, outcome="finished", evaluation=fake_evaluation(record, rng))


def _duplicate(record: TrialRecord, number: int) -> TrialRecord:
    if record.outcome != "finished":
        return changed(record, number=number)
    return changed(record, number=number, outcome="duplicate", duplicate_of=record.number)


def changed(record: TrialRecord, **changes: Any) -> TrialRecord:
    """A copy with other fields."""
    names = TrialRecord.__slots__
    return TrialRecord(**({name: getattr(record, name) for name in names} | changes))


def with_outcome(records: Sequence[TrialRecord], outcome: Outcome) -> list[TrialRecord]:
    """The records that ended in one way."""
    return [record for record in records if record.outcome == outcome]
