"""The form of a search-space file: a skeleton, its stages, and the choices with their options.

Or several skeletons that share choices, of which an architecture has one.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bnas.architecture.model import MAX_STAGES, Skeleton, Stride
from bnas.definitions import Findings
from bnas.space.choices import Choices, Option
from bnas.space.dependencies import complaints

_CLOSED = ConfigDict(extra="forbid", frozen=True)


class Frame(BaseModel):
    """What is not searched of a stage.

    Attributes:
        stride: Stride of its first block.
        widen: Its channels as a multiple of the stage (or stem) before.
    """

    stride: Stride = 1
    widen: Annotated[int, Field(ge=1, le=4, strict=True)] = 1

    model_config = _CLOSED


class Candidate(BaseModel):
    """A first candidate: a published design, or a point given by its choices.

    Attributes:
        name: What it is called in messages and plots.
        design: Name of the published design, or a design file.
        choices: Option by choice, as `groups` for all stages or `stage2.groups` for one; a choice
            left out takes its first option.
    """

    name: str
    design: str | None = None
    choices: dict[str, Option] = {}

    model_config = _CLOSED

    @model_validator(mode="after")
    def _one_way(self) -> "Candidate":
        if self.design is not None and self.choices:
            raise ValueError("a first candidate has either a design or choices; drop one of them")
        return self


class SpaceDefinition(BaseModel):
    """A search-space file."""

    name: str
    description: str
    skeleton: Skeleton
    stages: Annotated[tuple[Frame, ...], Field(min_length=1, max_length=MAX_STAGES)]
    choices: Choices
    first_candidates: tuple[Candidate, ...] = ()

    model_config = _CLOSED

    @property
    def parts(self) -> dict[str, "SpaceDefinition"]:
        """Itself: there is one skeleton."""
        return {self.skeleton: self}

    @model_validator(mode="after")
    def _fits_together(self) -> "SpaceDefinition":
        found = [(("choices", *path), message) for path, message in complaints(self.choices)]
        num_stages = self.choices.num_stages
        if num_stages is not None and max(num_stages.options) > len(self.stages):
            message = (
                f"num_stages can be at most the number of stages listed, {len(self.stages)}, "
                f"but got {max(num_stages.options)}; list more stages"
            )
            found.append((("choices", "num_stages"), message))
        if found:
            raise Findings(found)
        return self
