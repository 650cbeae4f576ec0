"""The unit, one binary convolution with everything around it, and the block of units."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn

from bnas.architecture.model import Order, Placement
from bnas.architecture.plan import BlockPlan, UnitPlan
from bnas.blocks.activations import NONLINEARITIES, THRESHOLDS
from bnas.blocks.convolution import BinaryConv2d
from bnas.blocks.shortcuts import shortcut
from bnas.estimators import make

# The steps in front of the convolutions, and behind them up to the addition. A unit passes over
# those that it has no module for.
_BEFORE: Mapping[Order, tuple[str, ...]] = MappingProxyType(
    {
        "sign-conv-norm": ("threshold", "sign"),
        "norm-sign-conv": ("norm", "threshold", "sign"),
    }
)
_BEHIND: Mapping[tuple[Order, Placement | None], tuple[str, ...]] = MappingProxyType(
    {
        ("sign-conv-norm", None): ("shuffle", "norm"),
        ("sign-conv-norm", "before-norm"): ("shuffle", "nonlinearity", "norm"),
        ("sign-conv-norm", "before-addition"): ("shuffle", "norm", "nonlinearity"),
        ("sign-conv-norm", "after-addition"): ("shuffle", "norm"),
        ("norm-sign-conv", None): ("shuffle",),
        ("norm-sign-conv", "before-addition"): ("shuffle", "nonlinearity"),
        ("norm-sign-conv", "after-addition"): ("shuffle",),
    }
)
_AFTER: Mapping[Placement | None, tuple[str, ...]] = MappingProxyType(
    {None: (), "before-norm": (), "before-addition": (), "after-addition": ("nonlinearity",)}
)


@final
class Unit(nn.Module):
    """The steps of a `UnitPlan`, each a child under the last part of its name in the plan."""

    def __init__(self, plan: UnitPlan) -> None:
        super().__init__()
        for name, module in _steps(plan):
            self.add_module(name, module)
        order, placement = plan.design.order, plan.placement
        self._before = self._present(_BEFORE[order])
        self._convs = tuple(_last(conv.name) for conv in plan.convs)
        self._behind = self._present(_BEHIND[order, placement])
        self._after = self._present(_AFTER[placement])
        self._shortcut = self._present(("shortcut",))

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        binary = self._through(self._before, x)
        outputs = [self._through((name,), binary) for name in self._convs]
        y = torch.cat(outputs, 1) if len(outputs) > 1 else outputs[0]
        y = self._through(self._behind, y)
        if self._shortcut:
            y = y + self._through(self._shortcut, x)
        return self._through(self._after, y)

    def _present(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in self._modules)

    def _through(self, names: tuple[str, ...], x: Tensor) -> Tensor:
        for name in names:
            x = getattr(self, name)(x)
        return x


@final
class Block(nn.Module):
    """The units of a `BlockPlan` in sequence, then its own shortcut and non-linearity, if any."""

    def __init__(self, plan: BlockPlan) -> None:
        super().__init__()
        self._units = tuple(_last(unit.name) for unit in plan.units)
        for name, unit in zip(self._units, plan.units, strict=True):
            self.add_module(name, Unit(unit))
        self.shortcut = None if plan.shortcut is None else shortcut(plan.shortcut)
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
    norm_channels = {"sign-conv-norm": plan.out_channels, "norm-sign-conv": plan.in_channels}
    yield "norm", nn.BatchNorm2d(norm_channels[design.order])
    if threshold := _channelwise(THRESHOLDS, design.threshold, plan.in_channels):
        yield "threshold", threshold
    yield "sign", make(design.activation_estimator, "activations", design.activation_beta)
    for conv in plan.convs:
        estimator = make(design.weight_estimator, "weights", design.weight_beta)
        yield _last(conv.name), BinaryConv2d(conv, estimator, design.weight_scale)
    if design.shuffle:
        yield "shuffle", nn.ChannelShuffle(design.groups)
    if nonlinearity := _channelwise(NONLINEARITIES, plan.nonlinearity, plan.out_channels):
        yield "nonlinearity", nonlinearity
    if plan.shortcut is not None:
        yield "shortcut", shortcut(plan.shortcut)


def _channelwise(
    table: Mapping[str, Callable[[int], nn.Module]], kind: str, channels: int
) -> nn.Module | None:
    """The module that a table has for `kind`; None where the table has none."""
    return table[kind](channels) if kind in table else None


def _last(name: str) -> str:
    return name.rpartition(".")[2]
