"""The lowering of an architecture: which convolutions it has and how they are wired.

`plan` turns a design into a tree of typed nodes with channels, kernels, strides and groups. It is
the single reading of every skeleton and choice: the cost ledger prices the nodes and the network
builder makes one module from each, under the same names. A plan knows no image size: with the
paddings used here every stride of 2 maps n pixels to ceil(n / 2).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bnas.architecture.canonical import canonical
from bnas.architecture.model import Architecture, Nonlinearity, Placement, Stage, Stem, Unit

ShortcutKind: TypeAlias = Literal["identity", "real-1x1", "duplicate", "zero-pad"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conv:
    """One convolution, padded with (kernel_size - 1) / 2, without bias."""

    name: str
    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    groups: int
    binary: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StemPlan:
    """The real convolution, its norm, then 3x3 maximum pooling with stride 2 if `pool`."""

    name: str
    conv: Conv
    pool: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortcut:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitPlan:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockPlan:
    """Units in sequence; with a shortcut around them all, its addition, then `nonlinearity`."""

    name: str
    units: tuple[UnitPlan, ...]
    out_channels: int
    shortcut: Shortcut | None
    nonlinearity: Nonlinearity


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadPlan:
    """Global average pooling and a real linear classifier with bias."""

    name: str
    in_channels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkPlan:
    """The whole network: stem, blocks in sequence, head."""

    stem: StemPlan
    blocks: tuple[BlockPlan, ...]
    head: HeadPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
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


def _resnet_block(in_channels: int, out_channels: int, stride: int) -> tuple[_Step, ...]:
    return (
        _Step(kernel_size=3, stride=stride, in_channels=in_channels, out_channels=out_channels),
        _Step(kernel_size=3, stride=1, in_channels=out_channels, out_channels=out_channels),
    )


def _mobilenet_block(in_channels: int, out_channels: int, stride: int) -> tuple[_Step, ...]:
    return (
        _Step(kernel_size=3, stride=stride, in_channels=in_channels, out_channels=in_channels),
        _Step(kernel_size=1, stride=1, in_channels=in_channels, out_channels=out_channels),
    )


_BLOCKS = {"resnet": _resnet_block, "mobilenet": _mobilenet_block}


def plan(architecture: Architecture, *, in_channels: int = 3) -> NetworkPlan:
    """Lowers a valid architecture for images of `in_channels` channels."""
    architecture = canonical(architecture)
    blocks = []
    channels = architecture.stem.width
    for stage_index, stage in enumerate(architecture.stages):
        for block_index in range(stage.depth):
            stride = stage.stride if block_index == 0 else 1
            name = f"stage{stage_index + 1}.block{block_index + 1}"
            steps = _BLOCKS[architecture.skeleton](channels, stage.width, stride)
            blocks.append(_block(name, stage, steps))
            channels = stage.width
    return NetworkPlan(
        stem=_stem(architecture.stem, in_channels),
        blocks=tuple(blocks),
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
    units = tuple(
        _unit(f"{name}.unit{index + 1}", stage, step, last=index == len(steps) - 1)
        for index, step in enumerate(steps)
    )
    around_block = stage.unit.shortcut == "block"
    after_block = around_block and stage.unit.placement == "after-addition"
    in_channels, out_channels = steps[0].in_channels, steps[-1].out_channels
    stride = steps[0].stride
    return BlockPlan(
        name=name,
        units=units,
        out_channels=out_channels,
        shortcut=_shortcut(name, stage, in_channels, out_channels, stride)
        if around_block
        else None,
        nonlinearity=stage.unit.nonlinearity if after_block else "none",
    )


def _unit(name: str, stage: Stage, step: _Step, *, last: bool) -> UnitPlan:
    design = stage.unit
    own_shortcut = design.shortcut == "conv"
    # Around a block, the addition that the last non-linearity follows is the block's.
    left_to_block = last and design.shortcut == "block" and design.placement == "after-addition"
    return UnitPlan(
        name=name,
        design=design,
        convs=_convs(name, stage, step),
        in_channels=step.in_channels,
        out_channels=step.out_channels,
        shortcut=(
            _shortcut(name, stage, step.in_channels, step.out_channels, step.stride)
            if own_shortcut
            else None
        ),
        nonlinearity="none" if left_to_block else design.nonlinearity,
        placement=None if left_to_block else design.placement,
    )


def _convs(name: str, stage: Stage, step: _Step) -> tuple[Conv, ...]:
    widens = step.in_channels != step.out_channels
    count = 2 if widens and stage.widening == "duplicate" else 1
    return tuple(
        Conv(
            name=f"{name}.conv{index + 1}" if count > 1 else f"{name}.conv",
            in_channels=step.in_channels,
            out_channels=step.out_channels // count,
            kernel_size=step.kernel_size,
            stride=step.stride,
            groups=stage.unit.groups,
            binary=True,
        )
        for index in range(count)
    )


def _shortcut(
    name: str, stage: Stage, in_channels: int, out_channels: int, stride: int
) -> Shortcut:
    name = f"{name}.shortcut"
    kind: ShortcutKind = "identity"
    conv = None
    if in_channels != out_channels:
        kind = stage.downsampling or "duplicate"
    if kind == "real-1x1":
        conv = Conv(
            name=f"{name}.conv",
            in_channels=in_channels,
            out_channels=out_channels,
            kernel_size=1,
            stride=1,
            groups=stage.downsampling_groups or 1,
            binary=False,
        )
    return Shortcut(
        name=name,
        kind=kind,
        in_channels=in_channels,
        out_channels=out_channels,
        stride=stride,
        conv=conv,
    )
