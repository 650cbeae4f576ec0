"""An architecture as immutable data: one complete binary network design.

The classes hold what a design *is*. What a field may be together with its neighbours is in
`validity`, which fields are without effect in `canonical`, and what the design computes in `plan`.
Image size, number of classes, name and training recipe are not part of an architecture.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

_CLOSED = ConfigDict(extra="forbid")

MAX_CHANNELS = 16_384
MAX_DEPTH = 256
MAX_STAGES = 16

Channels: TypeAlias = Annotated[int, Field(ge=1, le=MAX_CHANNELS, strict=True)]
Stride: TypeAlias = Literal[1, 2]

Skeleton: TypeAlias = Literal["resnet", "mobilenet"]
Estimator: TypeAlias = Literal[
    "ste", "approxsign", "signswish", "ede", "rbnn", "reste", "dsq", "fda"
]
Beta: TypeAlias = (
    Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False, strict=True)] | Literal["learnable"]
)
Threshold: TypeAlias = Literal["fixed", "learnable"]
WeightScale: TypeAlias = Literal["none", "mean", "mean-detached", "learned"]
Order: TypeAlias = Literal["sign-conv-norm", "norm-sign-conv"]
Nonlinearity: TypeAlias = Literal["none", "relu", "hardtanh", "prelu", "rprelu", "prelu2"]
Placement: TypeAlias = Literal["before-norm", "before-addition", "after-addition"]
ShortcutStyle: TypeAlias = Literal["none", "block", "conv"]
Downsampling: TypeAlias = Literal["real-1x1", "duplicate", "zero-pad"]
Widening: TypeAlias = Literal["convolution", "duplicate"]
StemKind: TypeAlias = Literal["3x3", "3x3-stride2", "7x7-pool"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One binary convolution with everything around it.

    Attributes:
        activation_estimator: Gradient estimator of the sign of the activations.
        activation_beta: Sharpness of SignSwish, a number or "learnable"; None for other estimators.
        weight_estimator: Gradient estimator of the sign of the weights.
        weight_beta: As `activation_beta`, for the weights.
        threshold: Where the activations change sign: at 0, or at a learned value per channel
            (RSign of ReActNet).
        weight_scale: Factor per output channel on the binary weights: none, mean |w| with or
            without gradient (XNOR-Net; ReActNet detaches it), or learned (BNN+).
        order: Norm after the convolution (Bi-Real Net) or before the sign (XNOR-Net).
        nonlinearity: What bends the real-valued path; "prelu2" has a slope on either side.
        placement: Where the non-linearity stands; None without one.
        shortcut: Real-valued identity around nothing, around each block, or around each
            convolution (Bi-Real Net).
        groups: Groups of the binary convolution.
        shuffle: Whether the channels are shuffled after a grouped convolution.
    """

    activation_estimator: Estimator = "ste"
    activation_beta: Beta | None = None
    weight_estimator: Estimator = "ste"
    weight_beta: Beta | None = None
    threshold: Threshold = "fixed"
    weight_scale: WeightScale = "none"
    order: Order = "sign-conv-norm"
    nonlinearity: Nonlinearity = "none"
    placement: Placement | None = None
    shortcut: ShortcutStyle = "conv"
    groups: Channels = 1
    shuffle: Annotated[bool, Field(strict=True)] = False

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Stem:
    """The real-valued first convolution with its norm.

    Attributes:
        kind: Kernel and stride; "7x7-pool" is the ImageNet stem, 7x7 with stride 2 and a 3x3
            maximum pooling with stride 2.
        width: Output channels.
    """

    kind: StemKind = "3x3"
    width: Channels

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Blocks of equal width and resolution; the first block may widen and downsample.

    Attributes:
        depth: Number of blocks (two 3x3 convolutions in `resnet`, a 3x3 and a 1x1 in `mobilenet`).
        width: Output channels of every block.
        stride: Stride of the first block.
        unit: The unit design of the stage.
        downsampling: How the shortcut of the first block reaches its new shape, after 2x2 average
            pooling where the stride is 2: a real 1x1 convolution, the channels repeated, or
            padded with zeros. None where no shortcut changes its number of channels.
        downsampling_groups: Groups of the real 1x1 convolution; None without one.
        widening: How the first block gets its wider output: one convolution, or two of the same
            input, each keeping its width, concatenated (ReActNet). None where the width stays.
    """

    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH, strict=True)]
    width: Channels
    stride: Stride = 1
    unit: Unit = field(default_factory=Unit)
    downsampling: Downsampling | None = None
    downsampling_groups: Channels | None = None
    widening: Widening | None = None

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """A complete design: stem, stages, and a head of average pooling and a linear classifier."""

    skeleton: Skeleton
    stem: Stem
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MAX_STAGES)]

    __pydantic_config__ = _CLOSED
