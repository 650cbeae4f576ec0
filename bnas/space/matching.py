"""Finding the decisions that lead to a given architecture."""

from collections.abc import Callable
from typing import Any

from bnas.architecture import Architecture, digest, to_dict
from bnas.architecture.validity import EQUIVALENCES, stage_fields
from bnas.errors import InvalidSpace
from bnas.space.definition import Option, SpaceDefinition


class Matching:
    """A chooser that takes what a canonical architecture has."""

    def __init__(self, definition: SpaceDefinition, architecture: Architecture) -> None:
        self._name = definition.name
        self._architecture = architecture
        self._wanted = _decisions(definition, architecture)

    def __call__(self, name: str, options: tuple[Option, ...]) -> Option:
        """The option that the architecture has; an error if it is not among those given."""
        wanted = self._wanted(name)
        for option in (wanted, *self._other_names(name, wanted)):
            if option in options:
                return option
        raise InvalidSpace(
            f"the architecture {digest(self._architecture)} is not in the space {self._name}: "
            f"{name} must be one of {list(options)}, but it is {wanted!r}"
        )

    @staticmethod
    def _other_names(name: str, wanted: object) -> list[str]:
        field = name.rsplit(".", maxsplit=1)[-1]
        return [e.value for e in EQUIVALENCES if e.field == field and e.equals[field] == wanted]


def _decisions(
    definition: SpaceDefinition, architecture: Architecture
) -> Callable[[str], Option | None]:
    stages = architecture.stages
    inputs = (architecture.stem.width, *(stage.width for stage in stages))
    per_stage = []
    plain = architecture.stem.width
    for stage, frame, in_channels in zip(stages, definition.stages, inputs, strict=False):
        plain *= frame.widen
        factor = stage.width / plain
        values = {**stage_fields(stage, in_channels), "depth": stage.depth, "width_factor": factor}
        per_stage.append(values)
    network = {
        "stem": architecture.stem.kind,
        "num_stages": len(stages),
        "width": architecture.stem.width,
    }

    def wanted(name: str) -> Option | None:
        if name in network:
            return network[name]
        where, _, field = name.rpartition(".")
        if where:
            index = int(where.removeprefix("stage")) - 1
            return per_stage[index][field] if index < len(per_stage) else None
        # A choice of the network: some stages may have no use for it.
        values = [stage[field] for stage in per_stage if stage[field] is not None]
        return values[0] if values else None

    return wanted


def first_difference(found: Architecture, wanted: Architecture) -> str | None:
    """Where two canonical architectures differ, in words; None if they are equal."""
    if found == wanted:
        return None
    ours, theirs = _flat(to_dict(found)), _flat(to_dict(wanted))
    for path in sorted(ours.keys() | theirs.keys()):
        if ours.get(path) != theirs.get(path):
            return f"{path} must be {ours.get(path)!r}, but it is {theirs.get(path)!r}"
    raise RuntimeError("different architectures have the same canonical form")


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return {path: value}
    flat: dict[str, Any] = {}
    for key, item in items:
        flat |= _flat(item, f"{path}.{key}" if path else str(key))
    return flat
