"""An architecture in the making: the decisions so far, and the options that they leave."""

from collections.abc import Mapping
from typing import Any, Self

from bnas.architecture import Architecture, Head, Stage, Stem, Unit, canonical
from bnas.space.choices import Option
from bnas.space.variables import Point, Variable, Variables

_UNIT_FIELDS = tuple(Unit.__slots__)


class Draft:
    """What is decided so far, as a point and as the fields of each stage.

    Everything that a space can do (sample, count, encode, find neighbours) goes through `options`,
    so that validity, activity and equivalence are read in one place.

    Attributes:
        point: Option by name of the variable, without inactive ones.
    """

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self.point: Point = {}
        definition = variables.definition
        self._stages: list[dict[str, Any]] = [
            {"skeleton": definition.skeleton} for _ in definition.stages
        ]

    def copy(self) -> Self:
        """A draft with the same decisions, to go on from."""
        other = type(self)(self._variables)
        other.point = {**self.point}
        other._stages = [*self._stages]  # noqa: SLF001 - of the same class
        return other

    def options(self, variable: Variable) -> tuple[Option, ...] | None:
        """The options that are left for a variable; None if it has no effect.

        Left out are options that break a rule, and options that another one stands for.
        """
        active = [stage for stage in self._concerned(variable) if self._is_active(variable, stage)]
        if not active:
            return None
        options = self.listed(variable)
        if variable.rules:
            options = tuple(o for o in options if self.breach(variable, o) is None)
        if variable.may_repeat:
            options = self._distinct(variable, options, active)
        return options

    def listed(self, variable: Variable) -> tuple[Option, ...]:
        """The options that the file lists for a variable, or the default if `when` closes it."""
        is_open = all(self.point.get(name) in options for name, options in variable.when)
        return variable.options if is_open else variable.closed

    def take(self, variable: Variable, option: Option | None) -> None:
        """Decides a variable; None if it has no effect."""
        decided = self._with(variable, option)
        for stage, fields in decided.items():
            self._stages[stage] = fields
        if option is not None:
            self.point[variable.name] = option
        if variable.field == "num_stages":
            del self._stages[int(self.point["num_stages"]) :]

    def breach(self, variable: Variable, option: Option) -> str | None:
        """The first rule that an option breaks, in words; None if it breaks none."""
        for fields in self._with(variable, option).values():
            for rule in variable.rules:
                message = rule.breach(fields)
                if message is not None:
                    return message
        return None

    def architecture(self) -> Architecture:
        """The canonical architecture, once every variable is decided."""
        definition = self._variables.definition
        stages = (
            Stage(
                depth=fields["depth"],
                width=fields["out_channels"],
                stride=frame.stride,
                kernel_size=fields["kernel_size"],
                unit=Unit(**{name: fields[name] for name in _UNIT_FIELDS}),
                downsampling=fields["downsampling"],
                downsampling_groups=fields["downsampling_groups"],
                widening=fields["widening"],
                widening_groups=fields["widening_groups"],
            )
            for fields, frame in zip(self._stages, definition.stages, strict=False)
        )
        first = self._stages[0]
        hidden = (first["hidden_width"],) * first["hidden_layers"]
        return canonical(
            Architecture(
                skeleton=definition.skeleton,
                stem=Stem(kind=first["stem"], width=first["width"], bits=first["stem_bits"]),
                stages=tuple(stages),
                head=Head(pooling=first["head_pooling"], hidden=hidden),
            )
        )

    def _concerned(self, variable: Variable) -> tuple[int, ...]:
        num_stages = len(self._stages)
        if variable.stages[-1] < num_stages:
            return variable.stages
        return tuple(stage for stage in variable.stages if stage < num_stages)

    def _is_active(self, variable: Variable, stage: int) -> bool:
        return variable.condition is None or variable.condition.holds(self._stages[stage])

    def _with(self, variable: Variable, option: Option | None) -> dict[int, dict[str, Any]]:
        """The fields of each stage that a variable decides for, were it to take an option."""
        found: dict[int, dict[str, Any]] = {}
        for stage in self._concerned(variable):
            fields = {**self._stages[stage], variable.field: option}
            if variable.condition is not None and not self._is_active(variable, stage):
                fields[variable.field] = variable.condition.inactive
            if variable.field == "width_factor":
                before = found.get(stage - 1, self._stages[stage - 1])
                fields["in_channels"] = before["out_channels"] if stage else fields["width"]
                fields["out_channels"] = self._variables.width(stage, fields)
            found[stage] = fields
        return found

    def _distinct(
        self, variable: Variable, options: tuple[Option, ...], active: list[int]
    ) -> tuple[Option, ...]:
        """One option for each network, by its canonical name if that is among the options."""
        kept: dict[tuple[object, ...], Option] = {}
        for option in options:
            tried = self._with(variable, option)
            meanings = [_meaning(variable, tried[stage]) for stage in active]
            pairs = zip(meanings, active, strict=True)
            if all(self._is_offered_before(variable, meaning, s) for meaning, s in pairs):
                continue
            network = tuple(tuple(meaning.items()) for meaning in meanings)
            is_canonical = all(meaning[variable.field] == option for meaning in meanings)
            if network not in kept or is_canonical:
                kept[network] = option
        return tuple(option for option in options if option in kept.values())

    def _is_offered_before(
        self, variable: Variable, meaning: Mapping[str, Any], stage: int
    ) -> bool:
        """Whether an earlier variable could have taken what an option means."""
        earlier = {f: value for f, value in meaning.items() if f != variable.field}
        return bool(earlier) and all(
            value in (self.options(self._variables.of(field, stage)) or ())
            for field, value in earlier.items()
        )


def _meaning(variable: Variable, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The canonical values of what a variable decides, given the fields of one stage."""
    if variable.field == "width_factor":
        return {"width_factor": fields["out_channels"]}
    for equivalence in variable.equivalences:
        if equivalence.written.items() <= fields.items() and equivalence.holds(fields):
            return equivalence.equals
    return {variable.field: fields[variable.field]}
