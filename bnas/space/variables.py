"""The decisions of a search space in order, each with all that its options depend on."""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

from bnas.architecture.validity import RULES, Condition, Equivalence, Rule
from bnas.space.choices import Option, default_option
from bnas.space.definition import SpaceDefinition
from bnas.space.dependencies import (
    CHANNELS,
    CONDITION_OF,
    channels_as_choices,
    effective_scopes,
    equivalences_of,
)

Point: TypeAlias = dict[str, Option]


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One decision, for the network or for one stage.

    Attributes:
        name: As "groups" or "stage2.groups".
        field: Name of the choice.
        stages: Indices of the stages that it decides for.
        options: All options of the choice.
        closed: The one option that it has where `when` closes it.
        when: Names of earlier variables and the options of theirs for which it is open.
        condition: When the field has an effect; None if always.
        rules: Validity rules whose last field it decides.
        equivalences: Equivalences whose last field it decides.
        reads: Names of earlier variables that its options depend on.
    """

    name: str
    field: str
    stages: tuple[int, ...]
    options: tuple[Option, ...]
    closed: tuple[Option, ...]
    when: tuple[tuple[str, tuple[Option, ...]], ...]
    condition: Condition | None
    rules: tuple[Rule, ...]
    equivalences: tuple[Equivalence, ...]
    reads: frozenset[str]

    @property
    def may_repeat(self) -> bool:
        """Whether two of its options may be the same network."""
        return bool(self.equivalences) or (self.field == "width_factor" and len(self.options) > 1)


class Variables:
    """The variables of one space in order: those of the network, then stage by stage."""

    def __init__(self, definition: SpaceDefinition) -> None:
        self.definition = definition
        self._choices = definition.choices.named()
        self._scopes = effective_scopes(definition.choices)
        self._stages = tuple(range(len(definition.stages)))
        self._multiples = tuple(accumulate((f.widen for f in definition.stages), operator.mul))
        network = [(field, self._stages) for field in self._with_scope("network")]
        stages = [(field, (s,)) for s in self._stages for field in self._with_scope("stage")]
        order = [*network, *stages]
        self._position = {self._name(field, where[0]): i for i, (field, where) in enumerate(order)}
        self.all = tuple(self._variable(field, where) for field, where in order)
        self.by_name: Mapping[str, Variable] = {variable.name: variable for variable in self.all}

    def of(self, field: str, stage: int) -> Variable:
        """The variable that decides a field of a stage."""
        return self.by_name[self._name(field, stage)]

    def width(self, stage: int, fields: Mapping[str, Any]) -> int:
        """Output channels of a stage, of whose fields `width` and `width_factor` are decided."""
        width: int = round(fields["width"] * self._multiples[stage] * fields["width_factor"])
        return width

    def _with_scope(self, scope: str) -> list[str]:
        return [field for field in self._choices if self._scopes[field] == scope]

    def _name(self, field: str, stage: int) -> str:
        return f"stage{stage + 1}.{field}" if self._scopes[field] == "stage" else field

    def _variable(self, field: str, stages: tuple[int, ...]) -> Variable:
        choice, stage = self._choices[field], stages[-1]
        name, default = self._name(field, stage), default_option(field)
        condition = CONDITION_OF.get(field)
        rules = tuple(rule for rule in RULES if self._last(rule.reads, stage) == field)
        equivalences = equivalences_of(field, choice)
        fields = set(choice.when) | set(condition.reads if condition is not None else ())
        fields = fields.union(*(rule.reads for rule in rules))
        for equivalence in equivalences:
            fields |= {*equivalence.reads, *equivalence.written}
            fields = fields.union(*(self._choices[other].when for other in equivalence.equals))
        return Variable(
            name=name,
            field=field,
            stages=stages,
            options=choice.options,
            closed=() if default is None else (default,),
            when=tuple((self._name(other, stage), v) for other, v in choice.when.items()),
            condition=condition,
            rules=rules,
            equivalences=equivalences,
            reads=frozenset(self._names(self._with_conditions(fields), stages) - {name}),
        )

    def _last(self, fields: Iterable[str], stage: int) -> str:
        """The choice among the fields that is made last."""
        return max(
            channels_as_choices(fields), key=lambda field: self._position[self._name(field, stage)]
        )

    def _names(self, fields: set[str], stages: tuple[int, ...]) -> set[str]:
        """The variables that decide some fields of some stages, and how many stages there are."""
        names = {"num_stages"} & self._choices.keys()
        for stage in stages:
            names |= {self._name(field, stage) for field in channels_as_choices(fields)}
            if fields & CHANNELS and stage:
                names.add(self._name("width_factor", stage - 1))
        return names

    def _with_conditions(self, fields: set[str]) -> set[str]:
        """The fields and those that decide in which stages these have an effect.

        Whether one that is decided for each stage has an effect, its own point tells.
        """
        open_ones = [f for f in fields & CONDITION_OF.keys() if self._scopes[f] == "network"]
        found = fields.union(*(CONDITION_OF[field].reads for field in open_ones))
        return found if found == fields else self._with_conditions(found)
