"""The form of a search-space file: a skeleton, its stages, and the choices with their options."""

from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bnas.architecture.model import (
    MAX_DEPTH,
    MAX_STAGES,
    Beta,
    Channels,
    Downsampling,
    Estimator,
    Nonlinearity,
    Order,
    Placement,
    ShortcutStyle,
    Skeleton,
    StemKind,
    Stride,
    Threshold,
    WeightScale,
    Widening,
)

Option: TypeAlias = str | int | float | bool
Scope: TypeAlias = Literal["network", "stage"]
OptionT = TypeVar("OptionT")

_CLOSED = ConfigDict(extra="forbid", frozen=True)


class Choice(BaseModel, Generic[OptionT]):
    """One named decision.

    Attributes:
        options: What may be chosen, in order of preference: the first is taken where a candidate
            leaves the choice open.
        scope: One decision for the network, or one for each stage.
        when: Other choices and the options of theirs for which this one is open; otherwise it
            takes the default of its field.
        source: The paper that proposes the options.
    """

    options: tuple[OptionT, ...]
    scope: Scope = "network"
    when: dict[str, tuple[Option, ...]] = {}
    source: str = ""

    model_config = _CLOSED

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        """Reads `name: option` as a fixed choice and `name: [option, ...]` as an open one."""
        if isinstance(value, (dict, Choice)):
            return value
        return {"options": value if isinstance(value, (list, tuple)) else [value]}

    @model_validator(mode="after")
    def _distinct(self) -> "Choice[OptionT]":
        if not self.options:
            raise ValueError("a choice has at least one option, but got none; list what is allowed")
        if len(set(self.options)) < len(self.options):
            raise ValueError(f"options must differ, but got {list(self.options)}; drop repeats")
        return self


_Bool: TypeAlias = Annotated[bool, Field(strict=True)]
_Depth: TypeAlias = Annotated[int, Field(ge=1, le=MAX_DEPTH, strict=True)]
_Stages: TypeAlias = Annotated[int, Field(ge=1, le=MAX_STAGES, strict=True)]
_Factor: TypeAlias = Annotated[float, Field(gt=0, le=16, allow_inf_nan=False, strict=True)]


def _fixed(option: Any) -> Any:
    return Choice[Any](options=(option,))


class Choices(BaseModel):
    """All choices, in the order in which they are made; one left out is fixed to its default.

    `width` is the stem's width in channels and each stage widens it as its frame says, times
    `width_factor`. Every other name is a field of `bnas.architecture.model`.
    """

    stem: Choice[StemKind] = _fixed("3x3")
    num_stages: Choice[_Stages] | None = None
    width: Choice[Channels]
    width_factor: Choice[_Factor] = _fixed(1.0)
    depth: Choice[_Depth]
    activation_estimator: Choice[Estimator] = _fixed("ste")
    activation_beta: Choice[Beta] = _fixed(5.0)
    weight_estimator: Choice[Estimator] = _fixed("ste")
    weight_beta: Choice[Beta] = _fixed(5.0)
    threshold: Choice[Threshold] = _fixed("fixed")
    weight_scale: Choice[WeightScale] = _fixed("none")
    order: Choice[Order] = _fixed("sign-conv-norm")
    nonlinearity: Choice[Nonlinearity] = _fixed("none")
    shortcut: Choice[ShortcutStyle] = _fixed("conv")
    placement: Choice[Placement] = _fixed("after-addition")
    groups: Choice[Channels] = _fixed(1)
    shuffle: Choice[_Bool] = _fixed(option=False)
    widening: Choice[Widening] = _fixed("convolution")
    downsampling: Choice[Downsampling] = _fixed("real-1x1")
    downsampling_groups: Choice[Channels] = _fixed(1)

    model_config = _CLOSED


NETWORK_ONLY = ("stem", "num_stages", "width")


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
        design: Name of the published design.
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

    @model_validator(mode="after")
    def _scopes(self) -> "SpaceDefinition":
        for name, choice in self.choices:
            for other in choice.when if choice is not None else ():
                if other not in Choices.model_fields:
                    raise ValueError(
                        f"`when` of {name} names a choice, but got {other!r}; "
                        f"known choices: {', '.join(Choices.model_fields)}"
                    )
        for name in NETWORK_ONLY:
            choice = getattr(self.choices, name)
            if choice is not None and choice.scope != "network":
                raise ValueError(f"{name} is a choice of the network; set its scope to 'network'")
        stages = self.choices.num_stages
        if stages is not None and max(stages.options) > len(self.stages):
            raise ValueError(
                f"num_stages can be at most the number of stages listed, {len(self.stages)}, "
                f"but got {max(stages.options)}; list more stages"
            )
        return self
