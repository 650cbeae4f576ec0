"""The canonical form of an architecture, its JSON, and the digest that names it."""

import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

from bnas.architecture.model import Architecture, Stage, Unit
from bnas.architecture.validity import CONDITIONS, EQUIVALENCES, stage_fields

SCHEMA_VERSION = 1
DIGEST_LENGTH = 12

_NOTHING = object()

_UNIT_FIELDS = tuple(field.name for field in fields(Unit))
_NUMBERS = ("activation_beta", "weight_beta", "regulariser_weight")
_STAGE_FIELDS = ("downsampling", "downsampling_groups", "widening", "widening_groups")


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
    for number in _NUMBERS:
        if isinstance(values[number], int):
            # 5 and 5.0 are equal, but not as JSON.
            values[number] = float(values[number])
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
    """The canonical JSON object: nested dicts and lists.

    Left out are inactive fields, and those that others came before, at their neutral value.
    """
    data: dict[str, Any] = stated(canonical(architecture))
    return {"schema": SCHEMA_VERSION, **data}


def stated(value: Any) -> Any:
    """Nested dicts and lists of a dataclass, without what goes without saying (see `to_dict`)."""
    if is_dataclass(value):
        items = ((field, getattr(value, field.name)) for field in fields(value))
        return {
            field.name: stated(item)
            for field, item in items
            if item is not None and item != field.metadata.get("neutral", _NOTHING)
        }
    return [stated(item) for item in value] if isinstance(value, (list, tuple)) else value


def digest(architecture: Architecture) -> str:
    """Twelve hex digits that equal architectures share: SHA-256 of the canonical JSON."""
    text = json.dumps(to_dict(architecture), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
