"""A search space: a set of architectures with a way through its choices."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from bnas.architecture import Architecture, canonical, load_design
from bnas.errors import InvalidArchitecture, InvalidSpace
from bnas.space.choices import Option
from bnas.space.choosers import Chooser, Stated, preferring, uniform
from bnas.space.counting import count_points, dead_end
from bnas.space.definition import Candidate, SpaceDefinition
from bnas.space.draft import Draft
from bnas.space.matching import Matching
from bnas.space.union import PART, SpaceUnion
from bnas.space.variables import Point, Variables


class SearchSpace:
    """The architectures that a definition allows."""

    def __init__(self, definition: SpaceDefinition | SpaceUnion) -> None:
        """Checks that all choices fit together.

        Raises:
            InvalidSpace: Some decisions leave a choice without a valid option.
        """
        self.definition = definition
        self._parts = {name: Variables(part) for name, part in definition.parts.items()}
        self._size = sum(count_points(part, definition.name) for part in self._parts.values())

    @property
    def name(self) -> str:
        """The name in the file."""
        return self.definition.name

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Names of all variables in order, as "groups" or "stage2.groups"."""
        names = dict.fromkeys(name for part in self._parts.values() for name in part.by_name)
        return (PART, *names) if len(self._parts) > 1 else tuple(names)

    def size(self) -> int:
        """Exact number of points; each is another architecture."""
        return self._size

    def walk(self, choose: Chooser) -> Point:
        """Makes every active decision in order.

        Args:
            choose: Called with the name of a decision and its options, never none, which are
                valid with all decisions before; returns one of them.
        """
        return self._walk(choose).point

    def _walk(self, choose: Chooser) -> Draft:
        name, *others = self._parts
        if others:
            name = str(choose(PART, tuple(self._parts)))
        variables = self._parts[name]
        draft = Draft(variables)
        if others:
            draft.point[PART] = name
        for variable in variables.all:
            options = draft.options(variable)
            if options == ():
                raise dead_end(self.name, variable, draft)
            draft.take(variable, None if options is None else choose(variable.name, options))
        return draft

    def decode(self, point: Point) -> Architecture:
        """The canonical architecture of a point.

        Raises:
            InvalidSpace: It is not a point of this space; the message names the choice.
        """
        stated = Stated(point, f"a point of the space {self.name}", open_ones="missing")
        draft = self._walk(stated)
        stated.check_all_used(self.choice_names)
        return draft.architecture()

    def encode(self, architecture: Architecture) -> Point:
        """The point of an architecture.

        Raises:
            InvalidSpace: The architecture is not in the space; the message names the choice.
        """
        own = canonical(architecture)
        name, matching = self._part_of(own)
        return self.walk(lambda what, options: name if what == PART else matching(what, options))

    def _part_of(self, architecture: Architecture) -> tuple[str, Matching]:
        """The only part whose skeleton and strides the architecture has."""
        reasons = []
        for name, variables in self._parts.items():
            try:
                return name, Matching(variables, architecture)
            except InvalidSpace as error:
                reasons.append(str(error))
        raise InvalidSpace("; ".join(reasons))

    def __contains__(self, architecture: Architecture) -> bool:
        """Whether the architecture is in the space."""
        try:
            self.encode(architecture)
        except InvalidSpace:
            return False
        return True

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture: each decision uniform over its valid options, in order."""
        return self._walk(uniform(rng)).architecture()

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
                changed = preferring({**origin, name: option})
                neighbour = self._walk(changed).architecture()
                if neighbour not in seen:
                    seen.add(neighbour)
                    yield neighbour

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
        what = f"{self.name}: first candidate {candidate.name!r}"
        if candidate.design is None:
            stated = Stated(candidate.choices, what, open_ones="first")
            draft = self._walk(stated)
            stated.check_all_used(self.choice_names)
            return draft.architecture()
        try:
            architecture = load_design(candidate.design).architecture
            self.encode(architecture)
        except (InvalidArchitecture, InvalidSpace) as error:
            raise InvalidSpace(f"{what}: {error}") from None
        return architecture
