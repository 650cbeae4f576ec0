"""The nodes of a lowered architecture, which the ledger prices and the builder makes."""

from typing import Literal, NamedTuple, TypeAlias

from bnas.architecture.model import Nonlinearity, Placement, Unit

ShortcutKind: TypeAlias = Literal["identity", "real-1x1", "binary-1x1", "duplicate", "zero-pad"]
Levels: TypeAlias = Literal["signed", "unsigned", "ternary"]
Bits: TypeAlias = Literal[1, 8, 32]


class Conv(NamedTuple):
    """One convolution, padded with (kernel_size - 1) / 2, without bias.

    `bits` is the precision of its weights and of its inputs: 1, 8, or 32 for real values.
    """

    name: str
    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    groups: int
    bits: Bits


class StemPlan(NamedTuple):
    """Real or 8-bit convolutions, each with a norm behind it, and a ReLU between two of them.

    Then 3x3 maximum pooling with stride 2 if `pool`. What stands beside "stem.conv2" is called
    "stem.norm2" and, in front of it, "stem.nonlinearity2"; a single convolution has no number.
    """

    name: str
    convs: tuple[Conv, ...]
    pool: bool

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides in order, pooling included."""
        strides = tuple(conv.stride for conv in self.convs)
        return (*strides, 2) if self.pool else strides


class Shortcut(NamedTuple):
    """The real-valued path around a unit or a block.

    A stride of 2 is a 2x2 average pooling in front (ceil mode). Then, by `kind`: nothing; a real
    1x1 convolution (`conv`, stride 1) and a norm; the signs, a binary one and a norm; the channels
    repeated; or zero channels behind.
    """

    name: str
    kind: ShortcutKind
    in_channels: int
    out_channels: int
    stride: int
    conv: Conv | None


class AttentionPlan(NamedTuple):
    """Average pooling and two real linear layers with bias, "squeeze" and "excite"."""

    name: str
    in_channels: int
    hidden_channels: int
    out_channels: int


class UnitPlan(NamedTuple):
    """One unit.

    In order of execution: norm (order norm-sign-conv; every channel twice where `copies` is 2),
    threshold, sign, the convolutions of `convs` side by side with their outputs concatenated,
    attention, channel shuffle, 2x2 maximum pooling with stride 2 (`pool`, ceil mode), non-linearity
    (before-norm), norm (order sign-conv-norm), non-linearity (before-addition), addition of the
    shortcut, non-linearity (after-addition). `nonlinearity` is "none" where the block applies it. A
    unit with a real convolution has no threshold, no sign and no shuffle.
    """

    name: str
    design: Unit
    convs: tuple[Conv, ...]
    in_channels: int
    out_channels: int
    shortcut: Shortcut | None
    nonlinearity: Nonlinearity
    placement: Placement | None
    levels: Levels = "signed"
    copies: int = 1
    attention: AttentionPlan | None = None
    pool: bool = False

    @property
    def binary(self) -> bool:
        """Whether its convolutions are."""
        return self.convs[0].bits == 1

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides in order, pooling included."""
        return (self.convs[0].stride, 2) if self.pool else (self.convs[0].stride,)


class BlockPlan(NamedTuple):
    """Units in sequence; with a shortcut around them all, its addition, then `nonlinearity`."""

    name: str
    units: tuple[UnitPlan, ...]
    out_channels: int
    shortcut: Shortcut | None
    nonlinearity: Nonlinearity


class HeadPlan(NamedTuple):
    """Average pooling, or flattening to features of one pixel; hidden units; classifier.

    The classifier `name` is real-valued, linear, with bias; `in_channels` are its inputs.
    """

    name: str
    flatten: bool
    units: tuple[UnitPlan, ...]
    in_channels: int
