"""The choices of a search-space file: every decision by name, with its options."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bnas.architecture.model import (
    MAX_DEPTH,
    MAX_HIDDEN_LAYERS,
    MAX_STAGES,
    ActivationLevels,
    Attention,
    Beta,
    Channels,
    Downsampling,
    Estimator,
    HeadPooling,
    KernelSize,
    Nonlinearity,
    Order,
    Padding,
    Placement,
    Regulariser,
    RegulariserWeight,
    ShortcutStyle,
    StemBits,
    StemKind,
    Threshold,
    WeightEstimator,
    WeightScale,
    WeightScaleInit,
    Widening,
)

Option: TypeAlias = str | int | float | bool
Scope: TypeAlias = Literal["network", "stage"]
OptionT = TypeVar("OptionT")

MAX_OPTIONS: Final = 100


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

    options: Annotated[tuple[OptionT, ...], Field(min_length=1, max_length=MAX_OPTIONS)]
    scope: Scope = "network"
    when: dict[str, Annotated[tuple[Option, ...], Field(min_length=1)]] = {}
    source: str = ""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        """Reads `name: option` as a fixed choice and `name: [option, ...]` as an open one."""
        if isinstance(value, (dict, Choice)):
            return value
        return {"options": value if isinstance(value, (list, tuple)) else [value]}

    @field_validator("when", mode="before")
    @classmethod
    def _one_option(cls, value: Any) -> Any:
        """Reads `when: {name: option}` as `when: {name: [option]}`."""
        if not isinstance(value, dict):
            return value
        return {k: v if isinstance(v, (list, tuple)) else [v] for k, v in value.items()}

    @model_validator(mode="after")
    def _distinct(self) -> "Choice[OptionT]":
        if len(set(self.options)) < len(self.options):
            raise ValueError(f"options must differ, but got {list(self.options)}; drop repeats")
        return self

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.options) == 1


_Bool: TypeAlias = Annotated[bool, Field(strict=True)]
_Depth: TypeAlias = Annotated[int, Field(ge=1, le=MAX_DEPTH, strict=True)]
_Stages: TypeAlias = Annotated[int, Field(ge=1, le=MAX_STAGES, strict=True)]
_Hidden: TypeAlias = Annotated[int, Field(ge=0, le=MAX_HIDDEN_LAYERS, strict=True)]
_Factor: TypeAlias = Annotated[float, Field(gt=0, le=16, allow_inf_nan=False, strict=True)]


def _fixed(option: Any) -> Any:
    return Choice[Any](options=(option,))


class Choices(BaseModel):
    """All choices, in the order in which they are made; one left out is fixed to its default.

    `width` is the stem's width in channels and each stage widens it as its frame says, times
    `width_factor`; `hidden_layers` of `hidden_width` are those of the head. Every other name is a
    field of `bnas.architecture.model`.
    """

    stem: Choice[StemKind] = _fixed("3x3")
    stem_bits: Choice[StemBits] = _fixed(32)
    num_stages: Choice[_Stages] | None = None
    width: Choice[Channels]
    width_factor: Choice[_Factor] = _fixed(1.0)
    depth: Choice[_Depth]
    kernel_size: Choice[KernelSize] = _fixed(3)
    activation_levels: Choice[ActivationLevels] = _fixed("signed")
    activation_estimator: Choice[Estimator] = _fixed("ste")
    activation_beta: Choice[Beta] = _fixed(5.0)
    weight_estimator: Choice[WeightEstimator] = _fixed("ste")
    weight_beta: Choice[Beta] = _fixed(5.0)
    threshold: Choice[Threshold] = _fixed("fixed")
    weight_scale: Choice[WeightScale] = _fixed("none")
    weight_scale_init: Choice[WeightScaleInit] = _fixed("mean")
    regulariser: Choice[Regulariser] = _fixed("none")
    regulariser_weight: Choice[RegulariserWeight] = _fixed(1e-6)
    attention: Choice[Attention] = _fixed("none")
    padding: Choice[Padding] = _fixed("zero")
    order: Choice[Order] = _fixed("sign-conv-norm")
    nonlinearity: Choice[Nonlinearity] = _fixed("none")
    shortcut: Choice[ShortcutStyle] = _fixed("conv")
    placement: Choice[Placement] = _fixed("after-addition")
    groups: Choice[Channels] = _fixed(1)
    shuffle: Choice[_Bool] = _fixed(option=False)
    mix: Choice[_Bool] = _fixed(option=False)
    widening: Choice[Widening] = _fixed("convolution")
    widening_groups: Choice[Channels] = _fixed(1)
    downsampling: Choice[Downsampling] = _fixed("real-1x1")
    downsampling_groups: Choice[Channels] = _fixed(1)
    head_pooling: Choice[HeadPooling] = _fixed("average")
    hidden_layers: Choice[_Hidden] = _fixed(0)
    hidden_width: Choice[Channels] = _fixed(1024)

    model_config = ConfigDict(extra="forbid", frozen=True)

    def named(self) -> dict[str, Choice[Any]]:
        """The choices that there are, by name, in order."""
        return {name: choice for name, choice in self if choice is not None}


def default_option(name: str) -> Option | None:
    """What a choice is fixed to where it is left out or closed; None if it may not be."""
    default = Choices.model_fields[name].get_default()
    return default.options[0] if isinstance(default, Choice) else None


def option_like(value: object, options: Iterable[Option]) -> Option | None:
    """The option that equals a value; None if there is none. `true` is not 1."""
    for option in options:
        if option == value and isinstance(option, bool) == isinstance(value, bool):
            return option
    return None
