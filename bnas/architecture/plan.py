"""The lowering of an architecture: which convolutions it has and how they are wired.

`plan` turns a design into a tree of typed nodes with channels, kernels, strides and groups. It is
the single reading of every skeleton and choice: the cost ledger prices the nodes and the network
builder makes one module from each, under the same names. With the paddings used here a stride of s
maps n pixels to ceil(n / s), so that a plan needs the image size only where the head flattens.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from bnas.architecture.canonical import canonical
from bnas.architecture.model import (
    Architecture,
    Nonlinearity,
    Skeleton,
    Stage,
    Stem,
    StemKind,
    Unit,
)
from bnas.architecture.nodes import (
    AttentionPlan,
    Bits,
    BlockPlan,
    Conv,
    HeadPlan,
    Levels,
    Shortcut,
    StemPlan,
    UnitPlan,
)
from bnas.errors import InvalidArchitecture

# This project's reading; no source that we verified has the figure.
ATTENTION_REDUCTION: Final = 8


class StagePlan(NamedTuple):
    """Blocks in sequence; but for the first and the last they differ in nothing but their names.

    So they are lowered one by one, when asked for: to price a stage takes three of them.
    """

    name: str
    skeleton: Skeleton
    design: Stage
    in_channels: int
    coupled: bool

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return self.design.depth

    @property
    def pools(self) -> bool:
        """Whether the last block ends with a pooling, and so differs from the others."""
        return self.skeleton == "vgg" and self.design.stride > 1

    def block(self, number: int) -> BlockPlan:
        """The block of this number, from 1 to `depth`."""
        in_channels, stride = (
            (self.in_channels, self.design.stride) if number == 1 else (self.design.width, 1)
        )
        pool = self.pools and number == self.depth
        steps = _STEPS[self.skeleton](self.design, in_channels, stride)
        if self.design.unit.mix:
            steps = tuple(_mixed(steps))
        return _block(f"{self.name}.block{number}", self, steps, pool=pool)


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
    groups: int


# A named tuple's own constructor takes three times as long as making the tuple, and ledgers are
# made by the thousand. Fields are given in order, all of them.
_step: Callable[[tuple[int, int, int, int, int]], _Step] = partial(tuple.__new__, _Step)
_unit_plan: Callable[[tuple[Any, ...]], UnitPlan] = partial(tuple.__new__, UnitPlan)
_conv: Callable[[tuple[str, int, int, int, int, int, Bits]], Conv] = partial(tuple.__new__, Conv)

# Kernel size, stride, and whether pooling follows.
_STEMS: dict[StemKind, tuple[int, int, bool]] = {
    "3x3": (3, 1, False),
    "3x3-stride2": (3, 2, False),
    "7x7-pool": (7, 2, True),
    "11x11-pool": (11, 4, True),
}


def _resnet_steps(stage: Stage, in_channels: int, stride: int) -> tuple[_Step, ...]:
    kernel_size, out_channels, groups = stage.kernel_size, stage.width, stage.unit.groups
    return (
        _step((kernel_size, stride, in_channels, out_channels, groups)),
        _step((kernel_size, 1, out_channels, out_channels, groups)),
    )


def _mobilenet_steps(stage: Stage, in_channels: int, stride: int) -> tuple[_Step, ...]:
    groups = stage.unit.groups
    return (
        _Step(stage.kernel_size, stride, in_channels, in_channels, groups),
        _Step(1, 1, in_channels, stage.width, groups),
    )


def _vgg_steps(stage: Stage, in_channels: int, _: int) -> tuple[_Step, ...]:
    return (_Step(stage.kernel_size, 1, in_channels, stage.width, stage.unit.groups),)


_STEPS: dict[Skeleton, Callable[[Stage, int, int], tuple[_Step, ...]]] = {
    "resnet": _resnet_steps,
    "mobilenet": _mobilenet_steps,
    "vgg": _vgg_steps,
}


def _mixed(steps: tuple[_Step, ...]) -> Iterator[_Step]:
    """Each grouped convolution with a larger kernel is followed by a 1x1 that mixes its groups."""
    for step in steps:
        yield step
        if step.kernel_size > 1:
            yield _Step(1, 1, step.out_channels, step.out_channels, 1)


def plan(
    architecture: Architecture,
    *,
    in_channels: int = 3,
    image_size: int | None = None,
    coupled: bool = False,
) -> NetworkPlan:
    """Lowers a valid architecture.

    Args:
        architecture: The design.
        in_channels: Channels of an image.
        image_size: Height and width of an image; needed only where the head flattens.
        coupled: Lowers BinaryDuo's state of training instead, with one activation of three levels
            for each pair of binary ones. The cost of the design is not that of this state.

    Raises:
        InvalidArchitecture: The head flattens and there is no image size.
    """
    architecture = canonical(architecture)
    stages = []
    channels = architecture.stem.width
    for number, stage in enumerate(architecture.stages, start=1):
        stages.append(StagePlan(f"stage{number}", architecture.skeleton, stage, channels, coupled))
        channels = stage.width
    stem, features = _stem(architecture.stem, in_channels), channels
    if architecture.head.pooling == "flatten":
        features *= _last_size(stem, stages, image_size) ** 2
    return NetworkPlan(stem, tuple(stages), _head(architecture, stages[-1], features))


def _stem(stem: Stem, in_channels: int) -> StemPlan:
    width, bits = stem.width, stem.bits
    if stem.kind == "grouped":
        half = width // 2
        return StemPlan(
            "stem",
            (
                Conv("stem.conv1", in_channels, half, 3, 2, 1, bits),
                Conv("stem.conv2", half, half, 3, 1, 4, bits),
                Conv("stem.conv3", half, width, 3, 1, 8, bits),
            ),
            pool=True,
        )
    kernel_size, stride, pool = _STEMS[stem.kind]
    conv = Conv("stem.conv", in_channels, width, kernel_size, stride, 1, bits)
    return StemPlan("stem", (conv,), pool)


def _last_size(stem: StemPlan, stages: list[StagePlan], size: int | None) -> int:
    """Height and width of what the last stage puts out."""
    if size is None:
        raise InvalidArchitecture(
            "head.pooling: what is flattened depends on the image size, but got pooling='flatten' "
            "with image_size=None; give the height of an image in pixels"
        )
    for stride in (*stem.strides, *(stage.design.stride for stage in stages)):
        size = -(-size // stride)
    return size


def _head(architecture: Architecture, last: StagePlan, features: int) -> HeadPlan:
    """Hidden layers are units of 1x1 convolutions on images of one pixel."""
    head, units = architecture.head, []
    if head.hidden:
        unit = replace(last.design.unit, **_ALONE)
        last = last._replace(design=replace(last.design, unit=unit, widening="convolution"))
        for number, width in enumerate(head.hidden, start=1):
            step = _Step(1, 1, features, width, groups=1)
            units.append(_unit(f"hidden.unit{number}", last, step, pool=False))
            features = width
    return HeadPlan("classifier", head.pooling == "flatten", tuple(units), features)


_ALONE: Final[dict[str, Any]] = {
    "shortcut": "none",
    "attention": "none",
    "groups": 1,
    "shuffle": False,
    "mix": False,
}


def _block(name: str, stage: StagePlan, steps: tuple[_Step, ...], *, pool: bool) -> BlockPlan:
    design, last = stage.design.unit, steps[-1]
    shortcut = None
    nonlinearity: Nonlinearity = "none"
    if design.shortcut == "block":
        first = steps[0]
        shortcut = _shortcut(name, stage.design, first.in_channels, last.out_channels, first.stride)
        if design.placement == "after-addition":
            nonlinearity = design.nonlinearity
    units = [
        _unit(f"{name}.unit{number}", stage, step, pool=pool and step is last)
        for number, step in enumerate(steps, start=1)
    ]
    if nonlinearity != "none":
        # The addition that it follows is the block's.
        units[-1] = units[-1]._replace(nonlinearity="none", placement=None)
    return BlockPlan(name, tuple(units), last.out_channels, shortcut, nonlinearity)


def _unit(name: str, stage: StagePlan, step: _Step, *, pool: bool) -> UnitPlan:
    design = stage.design.unit
    _, stride, in_channels, out_channels, _ = step
    shortcut = None
    if design.shortcut == "conv":
        shortcut = _shortcut(name, stage.design, in_channels, out_channels, stride)
    is_real = stage.design.widening == "real" and in_channels != out_channels
    levels: Levels = "signed"
    copies, attention = 1, None
    if design.activation_levels != "signed" and not is_real:
        levels, copies = _levels(design, coupled=stage.coupled)
    if design.attention != "none" and not is_real:
        attention = _attention(name, design, step, copies)
    return _unit_plan(
        (
            name,
            design,
            _convs(name, stage.design, step, copies, is_real=is_real),
            in_channels,
            out_channels,
            shortcut,
            design.nonlinearity,
            design.placement,
            levels,
            copies,
            attention,
            pool,
        )
    )


def _levels(design: Unit, *, coupled: bool) -> tuple[Levels, int]:
    """Levels of activations that are not signed, and how many there are for each channel."""
    if design.activation_levels == "unsigned":
        return "unsigned", 1
    return ("ternary", 1) if coupled else ("unsigned", 2)


def _convs(name: str, stage: Stage, step: _Step, copies: int, *, is_real: bool) -> tuple[Conv, ...]:
    kernel_size, stride, in_channels, out_channels, groups = step
    widens = in_channels != out_channels
    in_channels *= copies
    if is_real:
        groups = stage.widening_groups or 1
        name = f"{name}.conv"
        return (Conv(name, in_channels, out_channels, kernel_size, stride, groups, 32),)
    if stage.widening != "duplicate" or not widens:
        name = f"{name}.conv"
        return (_conv((name, in_channels, out_channels, kernel_size, stride, groups, 1)),)
    half = out_channels // 2
    return (
        Conv(f"{name}.conv1", in_channels, half, kernel_size, stride, groups, 1),
        Conv(f"{name}.conv2", in_channels, half, kernel_size, stride, groups, 1),
    )


def _attention(name: str, design: Unit, step: _Step, copies: int) -> AttentionPlan:
    """It reads what is binarised, behind the norm if that stands in front."""
    seen = step.in_channels * (copies if design.order == "norm-sign-conv" else 1)
    hidden = max(1, step.in_channels // ATTENTION_REDUCTION)
    return AttentionPlan(f"{name}.attention", seen, hidden, step.out_channels)


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
        conv = Conv(f"{name}.conv", in_channels, out_channels, 1, 1, groups, 32)
    elif kind == "binary-1x1":
        conv = Conv(f"{name}.conv", in_channels, out_channels, 1, 1, 1, 1)
    return Shortcut(name, kind, in_channels, out_channels, stride, conv)
