"""What each choice of a design costs: the design priced with that one choice made otherwise."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from bnas.architecture import Architecture, Stage, Stem, Unit, valid
from bnas.cost.totals import Totals
from bnas.errors import InvalidArchitecture

Value: TypeAlias = str | int | bool

_GROUPS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternative:
    """A design with one choice made otherwise.

    Attributes:
        choice: The field, as in "unit.groups", "widening" or "stages.2.depth".
        value: What the design has.
        other: What the alternative has, in every stage where the design has `value`.
        totals: What the alternative costs.
    """

    choice: str
    value: Value
    other: Value
    totals: Totals


def alternatives(
    architecture: Architecture, price: Callable[[Architecture], Totals]
) -> tuple[Alternative, ...]:
    """Every valid design with one choice made otherwise and other costs.

    What the change makes possible takes its default. Left out are choices that cost nothing, such
    as the gradient estimators, and widths and strides, on which everything depends.

    Args:
        architecture: A valid design.
        price: Its totals, for a problem that the caller fixes.
    """
    own = valid(architecture)
    paid = price(own)
    found = []
    for choice, value, other, changed in _changes(own):
        try:
            totals = price(valid(changed))
        except InvalidArchitecture:
            continue
        if totals != paid:
            found.append(Alternative(choice=choice, value=value, other=other, totals=totals))
    return tuple(found)


_Change: TypeAlias = tuple[str, Value, Value, Architecture]


def _changes(own: Architecture) -> Iterator[_Change]:
    for name, options in _STEM_OPTIONS.items():
        for other in options:
            change: dict[str, Any] = {name: other}
            changed = replace(own, stem=replace(own.stem, **change))
            yield f"stem.{name}", getattr(own.stem, name), other, changed
    for index, stage in enumerate(own.stages):
        if stage.depth > 1:
            shorter = replace(stage, depth=stage.depth - 1)
            stages = (*own.stages[:index], shorter, *own.stages[index + 1 :])
            changed = replace(own, stages=stages)
            yield f"stages.{index}.depth", stage.depth, shorter.depth, changed
    for choice, options in _STAGE_OPTIONS.items():
        values = dict.fromkeys(map(attrgetter(choice), own.stages))
        for value, other in product(values, options):
            if value is not None:
                yield choice, value, other, _exchanged(own, choice, value, other)


def _exchanged(own: Architecture, choice: str, value: Value, other: Value) -> Architecture:
    """The architecture with `other` in every stage that has `value`."""
    held_by, _, name = choice.rpartition(".")
    stages = []
    for stage in own.stages:
        change: dict[str, Any] = {name: other}
        if held_by:
            change = {held_by: replace(getattr(stage, held_by), **change)}
        holds = attrgetter(choice)(stage) == value
        stages.append(replace(stage, **change) if holds else stage)
    return replace(own, stages=tuple(stages))


def _options(hint: Any) -> tuple[Value, ...]:
    """What a field of this type may be, or nothing for a number that is no number of groups."""
    if hint is bool:
        return (False, True)
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(option for part in get_args(hint) for option in _options(part))


def _choices(holder: type) -> dict[str, tuple[Value, ...]]:
    """The fields that are choices, with their options."""
    hints = {name: hint for name, hint in get_type_hints(holder).items() if name != "stride"}
    found = {
        name: _GROUPS if name.endswith("groups") else _options(hint) for name, hint in hints.items()
    }
    return {name: options for name, options in found.items() if options}


_STEM_OPTIONS: Mapping[str, tuple[Value, ...]] = MappingProxyType(_choices(Stem))
_STAGE_OPTIONS: Mapping[str, tuple[Value, ...]] = MappingProxyType(
    {f"unit.{name}": options for name, options in _choices(Unit).items()} | _choices(Stage)
)
