"""The decisions of a search space in order, and which options each has given those before it.

A `Variable` is one decision: a choice for the network, or a choice for one stage. A `Point` maps
the names of the active variables to the options taken. Everything a space can do (sample, count,
decode, find neighbours) goes through `Variables.options`, so that validity, activity and
equivalence are read in one place, from `bnas.architecture.validity`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from bnas.architecture.validity import CONDITIONS, EQUIVALENCES, RULES, Equivalence
from bnas.errors import InvalidSpace
from bnas.space.definition import Choice, Choices, Option, SpaceDefinition

Point: TypeAlias = dict[str, Option]
Chooser: TypeAlias = Callable[[str, tuple[Option, ...]], Option]

_ALWAYS = ("stem", "num_stages", "width", "width_factor", "depth")
_CHANNELS = {"in_channels", "out_channels"}
_CONDITION = {condition.field: condition for condition in CONDITIONS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One decision; `stage` is its index, None for the network's."""

    name: str
    field: str
    stage: int | None
    choice: Choice[Any]


class Variables:
    """The variables of one space, in order: those of the network, then stage by stage."""

    def __init__(self, definition: SpaceDefinition) -> None:
        self._definition = definition
        self._max_stages = len(definition.stages)
        self.all = tuple(self._ordered())
        self._names = [
            {variable.field: variable.name for variable in self.all if variable.stage in (None, s)}
            for s in range(self._max_stages)
        ]
        self._check_scopes()

    def _ordered(self) -> Iterator[Variable]:
        choices = [(name, choice) for name, choice in self._definition.choices if choice]
        for name, choice in choices:
            if choice.scope == "network":
                yield Variable(name=name, field=name, stage=None, choice=choice)
        for stage in range(self._max_stages):
            for name, choice in choices:
                if choice.scope == "stage":
                    yield Variable(
                        name=f"stage{stage + 1}.{name}", field=name, stage=stage, choice=choice
                    )

    def _check_scopes(self) -> None:
        for variable in self.all:
            if variable.stage is None:
                narrower = sorted(
                    field
                    for field in self.reads_of(variable)
                    if getattr(self._definition.choices, field).scope == "stage"
                )
                if narrower:
                    raise InvalidSpace(
                        f"{self._definition.name}: whether {variable.field} is open depends on "
                        f"{narrower[0]}, which is chosen for each stage, but {variable.field} has "
                        "scope 'network'; set its scope to 'stage'"
                    )

    @staticmethod
    def reads_of(variable: Variable) -> set[str]:
        """Names of the choices that decide whether a variable is open."""
        condition = _CONDITION.get(variable.field)
        reads = set(condition.reads) if condition is not None else set()
        reads |= set(variable.choice.when)
        if reads & _CHANNELS:
            reads = (reads - _CHANNELS) | {"width", "width_factor"}
        return reads - {variable.field}

    def num_stages(self, point: Point) -> int:
        """Number of stages of a point; the most there can be while it is not chosen."""
        return int(point.get("num_stages", self._max_stages))

    def width(self, point: Point, stage: int) -> int | None:
        """Output channels of a stage (-1: of the stem), None while undecided."""
        if "width" not in point:
            return None
        width = int(point["width"])
        if stage < 0:
            return width
        factor = point.get(self._names[stage]["width_factor"])
        if factor is None:
            return None
        for frame in self._definition.stages[: stage + 1]:
            width *= frame.widen
        return round(width * float(factor))

    def fields(self, point: Point, stage: int) -> dict[str, Any]:
        """The decided fields of one stage, as rules read them; inactive ones are neutral."""
        names = self._names[stage]
        values: dict[str, Any] = {f: point[name] for f, name in names.items() if name in point}
        channels = self.width(point, stage - 1), self.width(point, stage)
        if None not in channels:
            values["in_channels"], values["out_channels"] = channels
        for condition in CONDITIONS:
            if _known(condition.reads, values) and not condition.holds(values):
                values[condition.field] = condition.inactive
        return values

    def options(self, variable: Variable, point: Point) -> tuple[Option, ...] | None:
        """The options left for a variable given the ones decided before it; None if inactive.

        Left out are options that break a rule and options that another option of the space
        already stands for.
        """
        stages = range(self.num_stages(point)) if variable.stage is None else (variable.stage,)
        if variable.stage is not None and variable.stage >= self.num_stages(point):
            return None
        if variable.field in ("stem", "num_stages"):
            return tuple(variable.choice.options)
        decided = [self.fields(point, stage) for stage in stages]
        affected = [values for values in decided if self._is_active(variable, values)]
        if not affected:
            return None
        if not all(self._is_open(variable, values) for values in affected):
            return (_default(variable.field),)
        return tuple(
            option
            for option in variable.choice.options
            if self._allows(variable, option, point, stages, affected)
        )

    def _is_active(self, variable: Variable, values: dict[str, Any]) -> bool:
        condition = _CONDITION.get(variable.field)
        return condition is None or condition.holds(values)

    def _is_open(self, variable: Variable, values: dict[str, Any]) -> bool:
        return all(values.get(name) in allowed for name, allowed in variable.choice.when.items())

    def _allows(
        self,
        variable: Variable,
        option: Option,
        point: Point,
        stages: Any,
        affected: list[dict[str, Any]],
    ) -> bool:
        if variable.field in _ALWAYS:
            with_option = {**point, variable.name: option}
            tried = [self.fields(with_option, stage) for stage in stages]
            return not any(_breaks(values, _CHANNELS) for values in tried)
        tried = [{**values, variable.field: option} for values in affected]
        if any(_breaks(values, {variable.field}) for values in tried):
            return False
        return not all(self._is_redundant(variable.field, option, values) for values in tried)

    def _is_redundant(self, field: str, option: Option, values: dict[str, Any]) -> bool:
        return any(
            equivalence.field == field
            and equivalence.value == option
            and _known(equivalence.reads, values)
            and equivalence.holds(values)
            and self._offers(equivalence)
            for equivalence in EQUIVALENCES
        )

    def _offers(self, equivalence: Equivalence) -> bool:
        return all(
            value is None or value in getattr(self._definition.choices, field).options
            for field, value in equivalence.equals.items()
        )

    @cached_property
    def links(self) -> tuple[frozenset[int], ...]:
        """Sets of variable indices that some rule, condition or equivalence reads together."""
        index = {variable.name: i for i, variable in enumerate(self.all)}
        groups = [{*rule.reads, rule.field} for rule in RULES]
        groups += [{*condition.reads, condition.field} for condition in CONDITIONS]
        groups += [{*e.reads, e.field, *e.equals} for e in EQUIVALENCES]
        groups += [{v.field, *v.choice.when} for v in self.all if v.choice.when]
        found = set()
        for stage in range(self._max_stages):
            for group in groups:
                names = {self._names[stage][field] for field in _with_reads(group) - _CHANNELS}
                if _with_reads(group) & _CHANNELS:
                    names |= {"width", self._names[stage]["width_factor"]}
                    names |= {self._names[stage - 1]["width_factor"]} if stage else set()
                found.add(frozenset(index[name] for name in names))
        if "num_stages" in index:
            found |= {frozenset({index["num_stages"], i}) for i in range(len(self.all))}
        return tuple(found)


def _with_reads(group: set[str]) -> set[str]:
    """The fields of a group and those that decide whether these are active."""
    size = 0
    while len(group) > size:
        size = len(group)
        group = group.union(*(_CONDITION[f].reads for f in group if f in _CONDITION))
    return group


def _known(reads: tuple[str, ...], values: dict[str, Any]) -> bool:
    return all(field in values for field in reads)


def _breaks(values: dict[str, Any], touched: set[str]) -> bool:
    return any(
        not touched.isdisjoint(rule.reads)
        and _known(rule.reads, values)
        and rule.breach(values) is not None
        for rule in RULES
    )


def _default(field: str) -> Option:
    """What a choice is fixed to where it is left out, or closed by `when`."""
    default: Option = Choices.model_fields[field].get_default().options[0]
    return default


def dead_end(space: str, name: str, point: Point) -> InvalidSpace:
    """The error for decisions that leave a choice without a valid option."""
    values = ", ".join(f"{key}={value!r}" for key, value in point.items())
    return InvalidSpace(
        f"{space}: every choice needs a valid option, but {name} has none given {values}; "
        "add an option that fits (see `bnas spaces`)"
    )
