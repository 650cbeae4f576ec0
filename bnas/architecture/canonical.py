"""The canonical form of an architecture, its JSON, and the digest that names it."""

import hashlib
import json
from dataclasses import asdict, fields, replace
from typing import Any

from bnas.architecture.model import Architecture, Stage, Unit
from bnas.architecture.validity import CONDITIONS, EQUIVALENCES, stage_fields

SCHEMA_VERSION = 1
DIGEST_LENGTH = 12

_UNIT_FIELDS = tuple(field.name for field in fields(Unit))
_BETAS = ("activation_beta", "weight_beta")
_STAGE_FIELDS = ("downsampling", "downsampling_groups", "widening")


def canonical(architecture: Architecture) -> Architecture:
    """The one representative of all architectures that are the same network.

    Fields without effect are dropped, active fields that were left out take their default, and
    different ways to write one network become the same (see `validity`). Idempotent.
    """
    stages = []
    in_channels = architecture.stem.width
    for stage in architecture.stages:
        stages.append(_canonical_stage(stage, in_channels))
        in_channels = stage.width
    return replace(architecture, stages=tuple(stages))


def _canonical_stage(stage: Stage, in_channels: int) -> Stage:
    written = stage_fields(stage, in_channels)
    values = dict(written)
    _settle(values)
    for equivalence in EQUIVALENCES:
        if equivalence.written.items() <= values.items() and equivalence.holds(values):
            values.update(equivalence.equals)
    _settle(values)
    unchanged = values == written
    for beta in _BETAS:
        if isinstance(values[beta], int):
            # 5 and 5.0 are equal, but not as JSON.
            values[beta] = float(values[beta])
            unchanged = False
    if unchanged:
        # Most are in canonical form already, and making a stage takes half of the time.
        return stage
    return replace(
        stage,
        unit=Unit(**{name: values[name] for name in _UNIT_FIELDS}),
        **{name: values[name] for name in _STAGE_FIELDS},
    )


def _settle(values: dict[str, Any]) -> None:
    for condition in CONDITIONS:
        if not condition.holds(values):
            values[condition.field] = condition.inactive
        elif values[condition.field] is None:
            values[condition.field] = condition.default


def to_dict(architecture: Architecture) -> dict[str, Any]:
    """The canonical JSON object: nested dicts and lists without the inactive fields."""
    data: dict[str, Any] = without_none(asdict(canonical(architecture)))
    return {"schema": SCHEMA_VERSION, **data}


def without_none(value: Any) -> Any:
    """Nested dicts and lists without the keys whose value is None."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_none(item) for item in value]
    return value


def digest(architecture: Architecture) -> str:
    """Twelve hex digits that equal architectures share: SHA-256 of the canonical JSON."""
    text = json.dumps(to_dict(architecture), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
