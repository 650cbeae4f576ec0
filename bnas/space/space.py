"""A search space: a set of architectures with a way through its choices."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from bnas.architecture import Architecture, Stage, Stem, Unit, canonical, digest, load_design
from bnas.errors import InvalidSpace
from bnas.space.counting import count_points
from bnas.space.definition import Candidate, Option, SpaceDefinition
from bnas.space.matching import Matching, first_difference
from bnas.space.variables import Chooser, Point, Variables, dead_end

_UNIT_FIELDS = tuple(Unit.__slots__)


class SearchSpace:
    """The architectures that a definition allows."""

    def __init__(self, definition: SpaceDefinition) -> None:
        self.definition = definition
        self._variables = Variables(definition)

    @property
    def name(self) -> str:
        """The name in the file."""
        return self.definition.name

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Names of all variables in order, as "groups" or "stage2.groups"."""
        return tuple(variable.name for variable in self._variables.all)

    def walk(self, choose: Chooser) -> Point:
        """Makes every active decision in order.

        Args:
            choose: Called with the name of a decision and its options, never none, which are
                valid with all decisions before; returns one of them.

        Raises:
            InvalidSpace: The decisions so far leave a choice without a valid option.
        """
        point: Point = {}
        for variable in self._variables.all:
            options = self._variables.options(variable, point)
            if options is None:
                continue
            if not options:
                raise dead_end(self.name, variable.name, point)
            point[variable.name] = choose(variable.name, options)
        return point

    def decode(self, point: Point) -> Architecture:
        """The canonical architecture of a point."""
        stages = []
        for index in range(self._variables.num_stages(point)):
            values = self._variables.fields(point, index)
            stages.append(
                Stage(
                    depth=values["depth"],
                    width=values["out_channels"],
                    stride=self.definition.stages[index].stride,
                    unit=Unit(**{name: values[name] for name in _UNIT_FIELDS if name in values}),
                    downsampling=values.get("downsampling"),
                    downsampling_groups=values.get("downsampling_groups"),
                    widening=values.get("widening"),
                )
            )
        stem = Stem(kind=point["stem"], width=point["width"])  # type: ignore[arg-type]
        return canonical(
            Architecture(skeleton=self.definition.skeleton, stem=stem, stages=tuple(stages))
        )

    def encode(self, architecture: Architecture) -> Point:
        """The point of an architecture.

        Raises:
            InvalidSpace: The architecture is not in the space; the message names the choice.
        """
        point = self.walk(Matching(self.definition, canonical(architecture)))
        decoded = self.decode(point)
        difference = first_difference(decoded, canonical(architecture))
        if difference is not None:
            raise InvalidSpace(
                f"the architecture {digest(architecture)} is not in the space {self.name}: "
                f"{difference}"
            )
        return point

    def __contains__(self, architecture: Architecture) -> bool:
        """Whether the architecture is in the space."""
        try:
            self.encode(architecture)
        except InvalidSpace:
            return False
        return True

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture: each decision uniform over its valid options, in order."""
        return self.decode(self.walk(lambda _, options: options[rng.integers(len(options))]))

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every architecture that differs in one decision.

        Decisions that the changed one opens take their first option; those that it makes
        impossible are made anew, likewise.
        """
        origin = self.encode(architecture)
        offered: dict[str, tuple[Option, ...]] = {}

        def recorded(name: str, options: tuple[Option, ...]) -> Option:
            offered[name] = options
            return origin[name]

        self.walk(recorded)
        seen = {canonical(architecture)}
        for name, options in offered.items():
            for option in options:
                neighbour = self.decode(self.walk(_preferring({**origin, name: option})))
                if neighbour not in seen:
                    seen.add(neighbour)
                    yield neighbour

    def size(self) -> int:
        """Exact number of points.

        Counted by following the decisions with a memory of those that later ones depend on, so
        that independent decisions multiply and stages do not have to be enumerated together.

        Raises:
            InvalidSpace: Some decisions leave a choice without a valid option.
        """
        return self._size

    @cached_property
    def _size(self) -> int:
        return count_points(self._variables, self.name)

    @cached_property
    def first_candidates(self) -> tuple[tuple[str, Architecture], ...]:
        """Name and architecture of what a search evaluates first.

        Raises:
            InvalidSpace: A candidate is unknown, or not in the space.
        """
        return tuple(
            (candidate.name, self._candidate(candidate))
            for candidate in self.definition.first_candidates
        )

    def _candidate(self, candidate: Candidate) -> Architecture:
        if candidate.design is None:
            return self.decode(self._point_of(candidate))
        architecture = load_design(candidate.design).architecture
        self.encode(architecture)
        return architecture

    def _point_of(self, candidate: Candidate) -> Point:
        """The point of a first candidate given by choices.

        Raises:
            InvalidSpace: It names a choice or an option that the space does not have.
        """
        unused = set(candidate.choices)

        def choose(name: str, options: tuple[Option, ...]) -> Option:
            given = name if name in candidate.choices else name.rsplit(".", maxsplit=1)[-1]
            unused.discard(given)
            option = candidate.choices.get(given, options[0])
            if option not in options:
                raise InvalidSpace(
                    f"{self.name}: first candidate {candidate.name}: {name} must be one of "
                    f"{list(options)}, but got {option!r}"
                )
            return option

        point = self.walk(choose)
        if unused:
            raise InvalidSpace(
                f"{self.name}: first candidate {candidate.name}: choices must be open for it, but "
                f"got {', '.join(sorted(unused))}; open are: {', '.join(point)}"
            )
        return point


def _preferring(wanted: Point) -> Chooser:
    """Takes what a point has wherever that is still an option, else the first option."""

    def choose(name: str, options: tuple[Option, ...]) -> Option:
        option = wanted.get(name, options[0])
        return option if option in options else options[0]

    return choose
