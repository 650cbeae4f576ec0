"""Finding the decisions that lead to a given architecture."""

from collections.abc import Iterator
from typing import Any

from bnas.architecture import Architecture, digest
from bnas.architecture.validity import CONDITIONS, EQUIVALENCES, network_fields, stage_fields
from bnas.errors import InvalidSpace
from bnas.space.choices import Option, option_like
from bnas.space.variables import Variables


class Matching:
    """A chooser that takes what a canonical architecture has.

    A stage may be written in several ways (see `EQUIVALENCES`), of which a space may offer any. So
    all that agree with the decisions so far are kept, the canonical one first.
    """

    def __init__(self, variables: Variables, architecture: Architecture) -> None:
        self._variables = variables
        self._architecture = architecture
        self._check_frames()
        self._ways = [list(_ways_to_write(fields)) for fields in _fields(architecture)]

    def __call__(self, name: str, options: tuple[Option, ...]) -> Option:
        """The option that the architecture has; an error if it is not among those given."""
        variable = self._variables.by_name[name]
        stages = [stage for stage in variable.stages if stage < len(self._ways)]
        for num_ways in (1, None):
            for option in options:
                if all(self._fitting(variable.field, s, option, num_ways) for s in stages):
                    for stage in stages:
                        self._ways[stage] = self._fitting(variable.field, stage, option)
                    return option
        raise self._outside(f"{name} {self._demand(variable.field, stages, options)}")

    def _fitting(
        self, field: str, stage: int, option: Option, num_ways: int | None = None
    ) -> list[dict[str, Any]]:
        ways = self._ways[stage][:num_ways]
        if field == "width_factor":
            given = {"width": self._architecture.stem.width, "width_factor": option}
            channels = self._variables.width(stage, given)
            return [way for way in ways if way["out_channels"] == channels]
        return [
            way
            for way in ways
            if way[field] is None or option_like(way[field], (option,)) == option
        ]

    def _demand(self, field: str, stages: list[int], options: tuple[Option, ...]) -> str:
        """What an architecture of the space has, and what this one has."""
        if field == "width_factor":
            widths = [self._ways[stage][0]["out_channels"] for stage in stages]
            return f"must be one of {list(options)}, but the width is {_listed(widths)}"
        values = [self._ways[stage][0][field] for stage in stages]
        given = list(dict.fromkeys(value for value in values if value is not None))
        if len(given) > 1:
            return f"must be the same in all stages, but it is {_listed(given)}"
        return f"must be one of {list(options)}, but it is {_listed(given)}"

    def _check_frames(self) -> None:
        """What no choice decides: skeleton, strides, and the number of stages if it is fixed."""
        definition, architecture = self._variables.definition, self._architecture
        frames, stages = definition.stages, architecture.stages
        if architecture.skeleton != definition.skeleton:
            raise self._outside(
                f"the skeleton must be {definition.skeleton!r}, but it is {architecture.skeleton!r}"
            )
        if definition.choices.num_stages is None and len(stages) != len(frames):
            raise self._outside(f"it must have {len(frames)} stages, but it has {len(stages)}")
        for index, (stage, frame) in enumerate(zip(stages, frames, strict=False), start=1):
            if stage.stride != frame.stride:
                raise self._outside(
                    f"the stride of stage {index} must be {frame.stride}, but it is {stage.stride}"
                )

    def _outside(self, reason: str) -> InvalidSpace:
        space = self._variables.definition.name
        return InvalidSpace(
            f"the architecture {digest(self._architecture)} is not in the space {space}: {reason}"
        )


def _fields(architecture: Architecture) -> Iterator[dict[str, Any]]:
    """All that is chosen of each stage, by the names of the choices."""
    stem, head, in_channels = architecture.stem, architecture.head, architecture.stem.width
    widths = tuple(dict.fromkeys(head.hidden))
    network = {
        **network_fields(architecture),
        "stem_bits": stem.bits,
        "num_stages": len(architecture.stages),
        "head_pooling": head.pooling,
        "hidden_layers": len(head.hidden),
        "hidden_width": widths[0] if len(widths) == 1 else widths or None,
    }
    for stage in architecture.stages:
        yield {**network, **stage_fields(stage, in_channels), "depth": stage.depth}
        in_channels = stage.width


def _ways_to_write(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of a stage, then others that are canonically the same; None: without effect."""
    ways = [fields]
    for equivalence in EQUIVALENCES:
        ways += [
            {**way, **equivalence.written}
            for way in ways
            if equivalence.equals.items() <= way.items() and equivalence.holds(way)
        ]
    yield from map(_without_idle, ways)


def _without_idle(fields: dict[str, Any]) -> dict[str, Any]:
    idle = {condition.field for condition in CONDITIONS if not condition.holds(fields)}
    return {name: None if name in idle else value for name, value in fields.items()}


def _listed(values: list[Any]) -> str:
    return " and ".join(map(repr, values)) if values else "without effect"
