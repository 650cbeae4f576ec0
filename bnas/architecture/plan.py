"""The lowering of an architecture: which convolutions it has and how they are wired.

`plan` turns a design into a tree of typed nodes with channels, kernels, strides and groups. It is
the single reading of every skeleton and choice: the cost ledger prices the nodes and the network
builder makes one module from each, under the same names. A plan knows no image size: with the
paddings used here every stride of 2 maps n pixels to ceil(n / 2).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from bnas.architecture.canonical import canonical
from bnas.architecture.model import (
    Architecture,
    Nonlinearity,
    Placement,
    Skeleton,
    Stage,
    Stem,
    Unit,
)

ShortcutKind: TypeAlias = Literal["identity", "real-1x1", "duplicate", "zero-pad"]


class Conv(NamedTuple):
    """One convolution, padded with (kernel_size - 1) / 2, without bias."""

    name: str
    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    groups: int
    binary: bool


class StemPlan(NamedTuple):
    """The real convolution, its norm, then 3x3 maximum pooling with stride 2 if `pool`."""

    name: str
    conv: Conv
    pool: bool


class Shortcut(NamedTuple):
    """The real-valued path around a unit or a block.

    A stride of 2 is a 2x2 average pooling in front (ceil mode). Then, by `kind`: nothing; a real
    1x1 convolution (`conv`, stride 1) and a norm; the channels repeated; or zero channels behind.
    """

    name: str
    kind: ShortcutKind
    in_channels: int
    out_channels: int
    stride: int
    conv: Conv | None


class UnitPlan(NamedTuple):
    """One unit.

    In order of execution: norm (order norm-sign-conv), threshold, sign, the convolutions of `convs`
    side by side with their outputs concatenated, channel shuffle, non-linearity (before-norm), norm
    (order sign-conv-norm), non-linearity (before-addition), addition of the shortcut, non-linearity
    (after-addition). `nonlinearity` is "none" where the block applies it.
    """

    name: str
    design: Unit
    convs: tuple[Conv, ...]
    in_channels: int
    out_channels: int
    shortcut: Shortcut | None
    nonlinearity: Nonlinearity
    placement: Placement | None


class BlockPlan(NamedTuple):
    """Units in sequence; with a shortcut around them all, its addition, then `nonlinearity`."""

    name: str
    units: tuple[UnitPlan, ...]
    out_channels: int
    shortcut: Shortcut | None
    nonlinearity: Nonlinearity


class HeadPlan(NamedTuple):
    """Global average pooling and a real linear classifier with bias."""

    name: str
    in_channels: int


class StagePlan(NamedTuple):
    """Blocks in sequence; from the second on they differ in nothing but their names.

    So they are lowered one by one, when asked for: to price a stage takes two of them.
    """

    name: str
    skeleton: Skeleton
    design: Stage
    in_channels: int

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return self.design.depth

    def block(self, number: int) -> BlockPlan:
        """The block of this number, from 1 to `depth`."""
        design = self.design
        in_channels, stride = (
            (self.in_channels, design.stride) if number == 1 else (design.width, 1)
        )
        steps = _STEPS[self.skeleton](in_channels, design.width, stride)
        return _block(f"{self.name}.block{number}", design, steps)


class NetworkPlan(NamedTuple):
    """The whole network: stem, stages of blocks in sequence, head."""

    stem: StemPlan
    stages: tuple[StagePlan, ...]
    head: HeadPlan

    @property
    def blocks(self) -> tuple[BlockPlan, ...]:
        """The blocks of all stages."""
        return tuple(
            stage.block(number) for stage in self.stages for number in range(1, stage.depth + 1)
        )


class _Step(NamedTuple):
    """A convolution of a block before its surroundings are known."""

    kernel_size: int
    stride: int
    in_channels: int
    out_channels: int


_STEMS: dict[str, tuple[int, int, bool]] = {
    "3x3": (3, 1, False),
    "3x3-stride2": (3, 2, False),
    "7x7-pool": (7, 2, True),
}


def _resnet_steps(in_channels: int, out_channels: int, stride: int) -> tuple[_Step, ...]:
    return (_Step(3, stride, in_channels, out_channels), _Step(3, 1, out_channels, out_channels))


def _mobilenet_steps(in_channels: int, out_channels: int, stride: int) -> tuple[_Step, ...]:
    return (_Step(3, stride, in_channels, in_channels), _Step(1, 1, in_channels, out_channels))


_STEPS: dict[Skeleton, Callable[[int, int, int], tuple[_Step, ...]]] = {
    "resnet": _resnet_steps,
    "mobilenet": _mobilenet_steps,
}


def plan(architecture: Architecture, *, in_channels: int = 3) -> NetworkPlan:
    """Lowers a valid architecture for images of `in_channels` channels."""
    architecture = canonical(architecture)
    stages = []
    channels = architecture.stem.width
    for number, stage in enumerate(architecture.stages, start=1):
        stages.append(StagePlan(f"stage{number}", architecture.skeleton, stage, channels))
        channels = stage.width
    return NetworkPlan(
        stem=_stem(architecture.stem, in_channels),
        stages=tuple(stages),
        head=HeadPlan(name="classifier", in_channels=channels),
    )


def _stem(stem: Stem, in_channels: int) -> StemPlan:
    kernel_size, stride, pool = _STEMS[stem.kind]
    conv = Conv(
        name="stem.conv",
        in_channels=in_channels,
        out_channels=stem.width,
        kernel_size=kernel_size,
        stride=stride,
        groups=1,
        binary=False,
    )
    return StemPlan(name="stem", conv=conv, pool=pool)


def _block(name: str, stage: Stage, steps: tuple[_Step, ...]) -> BlockPlan:
    design, last = stage.unit, steps[-1]
    shortcut = None
    nonlinearity: Nonlinearity = "none"
    if design.shortcut == "block":
        first = steps[0]
        shortcut = _shortcut(name, stage, first.in_channels, last.out_channels, first.stride)
        if design.placement == "after-addition":
            nonlinearity = design.nonlinearity
    units = [_unit(f"{name}.unit{index}", stage, step) for index, step in enumerate(steps, start=1)]
    if nonlinearity != "none":
        # The addition that it follows is the block's.
        units[-1] = units[-1]._replace(nonlinearity="none", placement=None)
    return BlockPlan(name, tuple(units), last.out_channels, shortcut, nonlinearity)


def _unit(name: str, stage: Stage, step: _Step) -> UnitPlan:
    design = stage.unit
    _, stride, in_channels, out_channels = step
    shortcut = None
    if design.shortcut == "conv":
        shortcut = _shortcut(name, stage, in_channels, out_channels, stride)
    return UnitPlan(
        name,
        design,
        _convs(name, stage, step),
        in_channels,
        out_channels,
        shortcut,
        design.nonlinearity,
        design.placement,
    )


def _convs(name: str, stage: Stage, step: _Step) -> tuple[Conv, ...]:
    kernel_size, stride, in_channels, out_channels = step
    groups = stage.unit.groups
    if stage.widening != "duplicate" or in_channels == out_channels:
        name = f"{name}.conv"
        return (Conv(name, in_channels, out_channels, kernel_size, stride, groups, binary=True),)
    half = out_channels // 2
    return (
        Conv(f"{name}.conv1", in_channels, half, kernel_size, stride, groups, binary=True),
        Conv(f"{name}.conv2", in_channels, half, kernel_size, stride, groups, binary=True),
    )


def _shortcut(
    name: str, stage: Stage, in_channels: int, out_channels: int, stride: int
) -> Shortcut:
    name = f"{name}.shortcut"
    if in_channels == out_channels:
        return Shortcut(name, "identity", in_channels, out_channels, stride, None)
    kind = stage.downsampling or "duplicate"
    conv = None
    if kind == "real-1x1":
        groups = stage.downsampling_groups or 1
        conv = Conv(f"{name}.conv", in_channels, out_channels, 1, 1, groups, binary=False)
    return Shortcut(name, kind, in_channels, out_channels, stride, conv)
