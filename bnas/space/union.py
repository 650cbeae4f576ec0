"""The form of a search-space file with several skeletons, of which an architecture has one."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    ValidationError,
    model_validator,
)

from bnas.definitions import Findings
from bnas.space.definition import Candidate, SpaceDefinition

# The decision between the parts of a space.
PART: Final = "skeleton"

_CLOSED = ConfigDict(extra="forbid", frozen=True)


class Part(BaseModel):
    """One skeleton with its stages; its choices go before the shared ones.

    What these may be is checked once they are together, as a space of their own.
    """

    skeleton: Any
    stages: Any
    choices: dict[str, Any] = {}

    model_config = _CLOSED


class SpaceUnion(BaseModel):
    """A search-space file with several skeletons.

    Attributes:
        name: What it is called.
        description: One line on it.
        choices: Those that all parts share.
        skeletons: The parts by name; the first decision is which.
        first_candidates: As those of `SpaceDefinition`.
    """

    name: str
    description: str
    choices: dict[str, Any] = {}
    skeletons: Annotated[dict[str, Part], Field(min_length=2, max_length=16)]
    first_candidates: tuple[Candidate, ...] = ()

    model_config = _CLOSED
    _parts: dict[str, SpaceDefinition] = PrivateAttr(default_factory=dict)

    @property
    def parts(self) -> dict[str, SpaceDefinition]:
        """The space of each skeleton."""
        return self._parts

    @model_validator(mode="after")
    def _fits_together(self) -> "SpaceUnion":
        found = []
        for name, part in self.skeletons.items():
            try:
                self._parts[name] = SpaceDefinition.model_validate(self._merged(part))
            except ValidationError as error:
                found += list(self._findings(name, error))
        if found:
            # What is wrong with a shared choice is so in every part.
            raise Findings(dict.fromkeys(found))
        for (one, first), (other, second) in combinations(self._parts.items(), 2):
            common = first.skeleton == second.skeleton and _strides(first) & _strides(second)
            if common:
                message = (
                    f"no architecture may be in two parts, but {one!r} and {other!r} both have "
                    f"{first.skeleton!r} with the strides {list(min(common))}; make them one, or "
                    "change the strides or the number of stages of one"
                )
                raise Findings([(("skeletons", other, "stages"), message)])
        return self

    def _merged(self, part: Part) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "skeleton": part.skeleton,
            "stages": part.stages,
            "choices": {**self.choices, **part.choices},
        }

    def _findings(
        self, name: str, error: ValidationError
    ) -> Iterator[tuple[tuple[int | str, ...], str]]:
        """What is wrong with a part, at the place where it is written: in it or shared."""
        own = self.skeletons[name].choices
        for detail in error.errors(include_url=False):
            cause = detail.get("ctx", {}).get("error")
            rule = detail["msg"].replace("Input should ", "it must ")
            told = ((), f"{rule}, but got {detail['input']!r}")
            below = cause.found if isinstance(cause, Findings) else (told,)
            for path, message in below:
                place = (*detail["loc"], *path)
                is_shared = place[0] == "choices" and place[1] in self.choices.keys() - own.keys()
                yield place if is_shared else ("skeletons", name, *place), message


def _strides(part: SpaceDefinition) -> set[tuple[int, ...]]:
    """The strides that an architecture of the part may have, stage by stage."""
    strides = tuple(frame.stride for frame in part.stages)
    num_stages = part.choices.num_stages
    depths = (len(strides),) if num_stages is None else num_stages.options
    return {strides[:depth] for depth in depths}


def form_of(value: Any) -> str:
    """Which form a file or a part of a configuration has."""
    keys = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "union" if "skeletons" in keys else "one"


FORMS: Final[Mapping[str, type[SpaceDefinition] | type[SpaceUnion]]] = MappingProxyType(
    {"one": SpaceDefinition, "union": SpaceUnion}
)

AnySpace: TypeAlias = Annotated[
    Annotated[SpaceDefinition, Tag("one")] | Annotated[SpaceUnion, Tag("union")],
    Discriminator(form_of),
]
