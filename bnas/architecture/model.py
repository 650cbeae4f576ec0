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
MAX_HIDDEN_LAYERS = 8

Channels: TypeAlias = Annotated[int, Field(ge=1, le=MAX_CHANNELS, strict=True)]
Stride: TypeAlias = Literal[1, 2]

Skeleton: TypeAlias = Literal["resnet", "mobilenet", "vgg"]
Estimator: TypeAlias = Literal[
    "ste", "approxsign", "signswish", "ede", "rbnn", "reste", "dsq", "fda"
]
WeightEstimator: TypeAlias = Estimator | Literal["recu"]
ActivationLevels: TypeAlias = Literal["signed", "unsigned", "paired"]
Beta: TypeAlias = (
    Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False, strict=True)] | Literal["learnable"]
)
Threshold: TypeAlias = Literal["fixed", "learnable"]
WeightScale: TypeAlias = Literal["none", "mean", "mean-detached", "learned"]
WeightScaleInit: TypeAlias = Literal["median", "mean", "p75"]
Regulariser: TypeAlias = Literal["none", "r1", "r2"]
RegulariserWeight: TypeAlias = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)]
Order: TypeAlias = Literal["sign-conv-norm", "norm-sign-conv"]
Nonlinearity: TypeAlias = Literal["none", "relu", "hardtanh", "prelu", "rprelu", "prelu2"]
Placement: TypeAlias = Literal["before-norm", "before-addition", "after-addition"]
ShortcutStyle: TypeAlias = Literal["none", "block", "conv"]
Attention: TypeAlias = Literal["none", "data-driven"]
Padding: TypeAlias = Literal["zero", "one"]
KernelSize: TypeAlias = Literal[3, 5]
Downsampling: TypeAlias = Literal["real-1x1", "binary-1x1", "duplicate", "zero-pad"]
Widening: TypeAlias = Literal["convolution", "duplicate", "real"]
StemKind: TypeAlias = Literal["3x3", "3x3-stride2", "7x7-pool", "11x11-pool", "grouped"]
StemBits: TypeAlias = Literal[8, 32]
HeadPooling: TypeAlias = Literal["average", "flatten"]

_Bool: TypeAlias = Annotated[bool, Field(strict=True)]

# A field newer than the digests of others has a neutral value, what every network was before there
# was the field. At that value the JSON leaves it out, so that a new choice renames no design.


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One binary convolution with everything around it.

    Attributes:
        activation_levels: What binary activations are: -1 and +1; 0 and 1, with the step at 0.5
            (BinaryDuo); or "paired", two values of 0 and 1 for each real one, with steps of their
            own, so that the convolution reads twice the channels (BinaryDuo, decoupled).
        activation_estimator: Gradient estimator of the sign of the activations; None for 0 and 1,
            whose gradient is 1 from 0 to 1.
        activation_beta: Sharpness of SignSwish, a number or "learnable"; None for other estimators.
        weight_estimator: Gradient estimator of the sign of the weights.
        weight_beta: As `activation_beta`, for the weights.
        threshold: Where the activations change sign: at 0, or at a learned value per channel
            (RSign of ReActNet). None for 0 and 1.
        weight_scale: Factor per output channel on the binary weights: none, mean |w| with or
            without gradient (XNOR-Net; ReActNet detaches it), or learned (BNN+).
        order: Norm after the convolution (Bi-Real Net) or before the sign (XNOR-Net).
        attention: Factor per channel on the output of the convolution: none, or predicted from the
            real-valued input of the sign (Real-to-Binary).
        padding: Around the binary activations, zeros as the papers train, or ones, which leave
            the deployed convolution binary at its borders too.
        nonlinearity: What bends the real-valued path; "prelu2" has a slope on either side.
        placement: Where the non-linearity stands; None without one.
        shortcut: Real-valued identity around nothing, around each block, or around each
            convolution (Bi-Real Net).
        groups: Groups of the binary convolution.
        shuffle: Whether the channels are shuffled after a grouped convolution.
        mix: Whether a binary 1x1 unit without groups follows each grouped unit with a larger
            kernel (Expert Binary Nets).
    """

    activation_levels: ActivationLevels = field(default="signed", metadata={"neutral": "signed"})
    activation_estimator: Estimator | None = "ste"
    activation_beta: Beta | None = None
    weight_estimator: WeightEstimator = "ste"
    weight_beta: Beta | None = None
    threshold: Threshold | None = "fixed"
    weight_scale: WeightScale = "none"
    weight_scale_init: WeightScaleInit | None = field(default=None, metadata={"neutral": "mean"})
    regulariser: Regulariser | None = field(default=None, metadata={"neutral": "none"})
    regulariser_weight: RegulariserWeight | None = None
    attention: Attention = field(default="none", metadata={"neutral": "none"})
    padding: Padding = field(default="zero", metadata={"neutral": "zero"})
    order: Order = "sign-conv-norm"
    nonlinearity: Nonlinearity = "none"
    placement: Placement | None = None
    shortcut: ShortcutStyle = "conv"
    groups: Channels = 1
    shuffle: _Bool = False
    mix: _Bool = field(default=False, metadata={"neutral": False})

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Stem:
    """The real-valued first convolution with its norm.

    Attributes:
        kind: Kernel and stride; "7x7-pool" is the ImageNet stem, 7x7 with stride 2 and a 3x3
            maximum pooling with stride 2; "11x11-pool" is that of AlexNet, with stride 4.
            "grouped" is that of BinaryDenseNet: 3x3 with stride 2, two grouped 3x3, then the
            pooling.
        width: Output channels.
        bits: Of weights and inputs of its convolutions.
    """

    kind: StemKind = "3x3"
    width: Channels
    bits: StemBits = field(default=32, metadata={"neutral": 32})

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Blocks of equal width and resolution; the first block may widen and downsample.

    Attributes:
        depth: Number of blocks (two 3x3 convolutions in `resnet`, a 3x3 and a 1x1 in `mobilenet`,
            one 3x3 in `vgg`).
        width: Output channels of every block.
        stride: Stride of the first block; in `vgg`, of a maximum pooling in the last block.
        kernel_size: Of the convolutions called 3x3 above.
        unit: The unit design of the stage.
        downsampling: How the shortcut of the first block reaches its new shape, after 2x2 average
            pooling where the stride is 2: a real or binary 1x1 convolution, the channels
            repeated, or padded with zeros. None where no shortcut changes its number of channels.
        downsampling_groups: Groups of the real 1x1 convolution; None without one.
        widening: How the first block gets its wider output: one convolution; two of the same
            input, each keeping its width, concatenated (ReActNet); or, in `mobilenet`, a
            real-valued 1x1 convolution (ReActNet-B and C). None where the width stays.
        widening_groups: Groups of the real 1x1 convolution; None without one.
    """

    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH, strict=True)]
    width: Channels
    stride: Stride = 1
    kernel_size: KernelSize = field(default=3, metadata={"neutral": 3})
    unit: Unit = field(default_factory=Unit)
    downsampling: Downsampling | None = None
    downsampling_groups: Channels | None = None
    widening: Widening | None = None
    widening_groups: Channels | None = None

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """From the last stage to the real-valued linear classifier.

    Attributes:
        pooling: Global average, or none: every pixel of every channel is a feature.
        hidden: Output features of binary fully connected layers, each a unit of the design of
            the last stage without shortcut, attention and groups.
    """

    pooling: HeadPooling = "average"
    hidden: Annotated[tuple[Channels, ...], Field(max_length=MAX_HIDDEN_LAYERS)] = ()

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """A complete design: stem, stages of blocks, and head."""

    skeleton: Skeleton
    stem: Stem
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MAX_STAGES)]
    head: Head = field(default=Head(), metadata={"neutral": Head()})

    __pydantic_config__ = _CLOSED
