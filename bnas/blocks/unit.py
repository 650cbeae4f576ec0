"""The unit, one binary convolution with everything around it, and the block of units."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import torch
from torch import Tensor, nn

from bnas.architecture.model import Order, Placement
from bnas.architecture.nodes import BlockPlan, UnitPlan
from bnas.blocks.activations import BINARISATIONS, NONLINEARITIES, THRESHOLDS
from bnas.blocks.attention import ATTENTIONS
from bnas.blocks.convolution import BinaryConv2d
from bnas.blocks.pairs import CopyChannels, pair_shifts
from bnas.blocks.shortcuts import real_conv, shortcut
from bnas.estimators import make

# The steps in front of the convolutions, and behind them up to the addition. A unit passes over
# those that it has no module for.
_BEFORE: Mapping[Order, tuple[str, ...]] = MappingProxyType(
    {"sign-conv-norm": (), "norm-sign-conv": ("copy", "norm")}
)
_BINARISATION = ("threshold", "sign")
# These move values between pixels and channels, what follows them is element by element.
_MOVES = ("shuffle", "pool")
_BEHIND: Mapping[tuple[Order, Placement | None], tuple[str, ...]] = MappingProxyType(
    {
        ("sign-conv-norm", None): ("norm",),
        ("sign-conv-norm", "before-norm"): ("nonlinearity", "norm"),
        ("sign-conv-norm", "before-addition"): ("norm", "nonlinearity"),
        ("sign-conv-norm", "after-addition"): ("norm",),
        ("norm-sign-conv", None): (),
        ("norm-sign-conv", "before-addition"): ("nonlinearity",),
        ("norm-sign-conv", "after-addition"): (),
    }
)
_AFTER: Mapping[Placement | None, tuple[str, ...]] = MappingProxyType(
    {None: (), "before-norm": (), "before-addition": (), "after-addition": ("nonlinearity",)}
)


@final
class Unit(nn.Module):
    """The steps of a `UnitPlan`, each a child under the last part of its name in the plan.

    What stands in front of the convolutions (`head`) and behind them (`tail`) is element by element
    but for the statistics of norms, and may be run in a compiled form.

    Attributes:
        precision: Type that binary convolutions compute in; None keeps that of the images. Binary
            operands are exact in bfloat16 (but for the weights' scale), their sums are rounded.
        regions: What runs head, convolutions and tail, but for scoring on a GPU.
        before, binarisation: Names of the steps of the head.
        behind, after: Names of the steps of the tail, in front of the addition and behind it.
        has_signs: Whether -1 and +1 are convolved.
        has_attention: Whether the head's real-valued numbers are used again.
    """

    def __init__(self, plan: UnitPlan) -> None:
        super().__init__()
        for name, module in _steps(plan):
            self.add_module(name, module)
        order, placement = plan.design.order, plan.placement
        self.before = self._present(_BEFORE[order])
        self.binarisation = self._present(_BINARISATION)
        self._convs = tuple(_last(conv.name) for conv in plan.convs)
        self._moves = self._present(_MOVES)
        self.behind = self._present(_BEHIND[order, placement])
        self.after = self._present(_AFTER[placement])
        self.has_signs = plan.binary and plan.levels == "signed"
        self.has_shortcut = "shortcut" in self._modules
        self.has_attention = "attention" in self._modules
        self.precision: torch.dtype | None = None
        self.regions = EAGER

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        # Recorded graphs write over what they returned before, unless a gradient still needs it.
        regions = self.regions if self.training or not x.is_cuda else EAGER
        binary, real, x = regions.head(self, x)
        outputs = [regions.convolved(self, name, binary) for name in self._convs]
        y = torch.cat(outputs, 1) if len(outputs) > 1 else outputs[0]
        if self.has_attention:
            y = self.get_submodule("attention")(y, real)
        y = self._through(self._moves, y)
        skip = regions.shortcut(self, x) if self.has_shortcut else None
        return regions.tail(self, y, skip)

    def head(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Maps x (N, in, H, W) to what is convolved and, for attention, what it was real-valued."""
        real = self._through(self.before, x)
        binary = self._through(self.binarisation, real)
        if self.binarisation and self.precision is not None:
            binary = binary.to(self.precision)
        return binary, real if self.has_attention else None

    def headed(self, x: Tensor) -> "Headed":
        """What `head` gives, and x, to pass by."""
        return *self.head(x), x

    def convolved(self, name: str, x: Tensor) -> Tensor:
        """Maps what is convolved, (N, in, H, W), by one of the convolutions."""
        return self._through((name,), x)

    def passed(self, x: Tensor) -> Tensor:
        """Maps x (N, in, H, W) to what is added behind the convolutions."""
        return self._through(("shortcut",), x)

    def tail(self, y: Tensor, skip: Tensor | None) -> Tensor:
        """Maps what was convolved, and what passes by, to the output; both (N, out, H, W)."""
        if self.precision is not None:
            y = y.float()
        y = self._through(self.behind, y)
        if skip is not None:
            y = y + skip
        return self._through(self.after, y)

    def _present(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in self._modules)

    def _through(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        for name in names:
            x = getattr(self, name)(x)
        return x


Headed = tuple[Tensor, Tensor | None, Tensor]
"""What is convolved, what attention sees (None without it), and what passes by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """How the parts of a unit are run: as they are, in a compiled form, or by kernels."""

    head: Callable[[Unit, Tensor], Headed]
    tail: Callable[[Unit, Tensor, Tensor | None], Tensor]
    convolved: Callable[[Unit, str, Tensor], Tensor] = Unit.convolved
    shortcut: Callable[[Unit, Tensor], Tensor] = Unit.passed


EAGER: Final = Regions(head=Unit.headed, tail=Unit.tail)


@final
class Block(nn.Module):
    """The units of a `BlockPlan` in sequence, then its own shortcut and non-linearity, if any."""

    def __init__(self, plan: BlockPlan) -> None:
        super().__init__()
        self._units = tuple(_last(unit.name) for unit in plan.units)
        for name, unit in zip(self._units, plan.units, strict=True):
            self.add_module(name, Unit(unit))
        design = plan.units[0].design
        self.shortcut = None if plan.shortcut is None else shortcut(plan.shortcut, design)
        self.nonlinearity = _channelwise(NONLINEARITIES, plan.nonlinearity, plan.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        y = x
        for name in self._units:
            y = getattr(self, name)(y)
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return y if self.nonlinearity is None else self.nonlinearity(y)


def _steps(plan: UnitPlan) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a unit, in the order in which they draw their initial weights."""
    design = plan.design
    if plan.copies > 1:
        yield "copy", CopyChannels(plan.copies)
    yield "norm", _norm(plan)
    yield from (_binary_steps(plan) if plan.binary else _real_steps(plan))
    if plan.attention is not None:
        yield "attention", ATTENTIONS[design.attention](plan.attention)
    groups = plan.convs[0].groups
    if design.shuffle and plan.binary and groups > 1:
        yield "shuffle", nn.ChannelShuffle(groups)
    if plan.pool:
        yield "pool", nn.MaxPool2d(2, ceil_mode=True)
    if nonlinearity := _channelwise(NONLINEARITIES, plan.nonlinearity, plan.out_channels):
        yield "nonlinearity", nonlinearity
    if plan.shortcut is not None:
        yield "shortcut", shortcut(plan.shortcut, design)


def _norm(plan: UnitPlan) -> nn.Module:
    if plan.design.order == "sign-conv-norm":
        return nn.BatchNorm2d(plan.out_channels)
    norm = nn.BatchNorm2d(plan.copies * plan.in_channels)
    if plan.copies > 1:
        with torch.no_grad():
            norm.bias.add_(pair_shifts(plan.in_channels))
    return norm


def _binary_steps(plan: UnitPlan) -> Iterator[tuple[str, nn.Module]]:
    design = plan.design
    if threshold := _channelwise(THRESHOLDS, design.threshold or "fixed", plan.in_channels):
        yield "threshold", threshold
    yield "sign", BINARISATIONS[plan.levels](design)
    for conv in plan.convs:
        estimator = make(design.weight_estimator, "weights", design.weight_beta)
        name = conv.name.rpartition(".")[2]
        yield name, BinaryConv2d(conv, design, estimator, factor=1 / plan.copies)


def _real_steps(plan: UnitPlan) -> Iterator[tuple[str, nn.Module]]:
    for conv in plan.convs:
        yield conv.name.rpartition(".")[2], real_conv(conv)


def _channelwise(
    table: Mapping[str, Callable[[int], nn.Module]], kind: str, channels: int
) -> nn.Module | None:
    """The module that a table has for `kind`; None where the table has none."""
    return table[kind](channels) if kind in table else None


def _last(name: str) -> str:
    return name.rpartition(".")[2]
