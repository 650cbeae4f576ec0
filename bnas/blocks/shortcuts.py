"""Real-valued paths around units and blocks."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import Unit
from bnas.architecture.nodes import Conv, Shortcut, ShortcutKind
from bnas.blocks.convolution import BinaryConv2d
from bnas.blocks.eight_bit import EightBitConv2d
from bnas.estimators import make


def shortcut(plan: Shortcut, design: Unit) -> nn.Sequential:
    """The path of `plan` in a unit of `design` as named steps; the identity has none.

    A stride of 2 is a 2x2 average pooling with ceil mode, which maps n pixels to ceil(n / 2) like
    the convolution beside it; a window at an odd edge averages the pixels it has.
    """
    return nn.Sequential(
        OrderedDict([*_POOLINGS[plan.stride](), *_WIDENINGS[plan.kind](plan, design)])
    )


def real_conv(plan: Conv) -> nn.Conv2d | EightBitConv2d:
    """The real-valued or 8-bit convolution of `plan`, with Kaiming's initial weights."""
    if plan.bits == 8:
        return EightBitConv2d(plan)
    conv = nn.Conv2d(
        plan.in_channels,
        plan.out_channels,
        plan.kernel_size,
        stride=plan.stride,
        padding=(plan.kernel_size - 1) // 2,
        groups=plan.groups,
        bias=False,
    )
    nn.init.kaiming_normal_(conv.weight)
    return conv


@final
class RepeatChannels(nn.Module):
    """The channels repeated: (N, C, H, W) to (N, times C, H, W), as cat(x, x) (ReActNet)."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, times C, H, W)."""
        return torch.cat([x] * self.times, 1)


@final
class PadChannels(nn.Module):
    """Channels of zeros behind: (N, C, H, W) to (N, C + count, H, W)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, C + count, H, W)."""
        return functional.pad(x, (0, 0, 0, 0, 0, self.count))


_Steps = list[tuple[str, nn.Module]]


def _identity(plan: Shortcut, design: Unit) -> _Steps:
    del plan, design
    return []


def _projection(plan: Shortcut, design: Unit) -> _Steps:
    del design
    # A plan of this kind always has the convolution.
    assert plan.conv is not None  # noqa: S101
    return [("conv", real_conv(plan.conv)), ("norm", nn.BatchNorm2d(plan.out_channels))]


def _binary_projection(plan: Shortcut, design: Unit) -> _Steps:
    assert plan.conv is not None  # noqa: S101 - as above
    # The path is real-valued, so the signs are those of -1 and +1 whatever the unit's levels are;
    # a norm follows, so a scale would be without effect.
    signs = make(design.activation_estimator or "ste", "activations", design.activation_beta)
    estimator = make(design.weight_estimator, "weights", design.weight_beta)
    conv = BinaryConv2d(plan.conv, Unit(), estimator)
    return [("sign", signs), ("conv", conv), ("norm", nn.BatchNorm2d(plan.out_channels))]


def _repetition(plan: Shortcut, design: Unit) -> _Steps:
    del design
    return [("repeat", RepeatChannels(plan.out_channels // plan.in_channels))]


def _padding(plan: Shortcut, design: Unit) -> _Steps:
    del design
    return [("pad", PadChannels(plan.out_channels - plan.in_channels))]


_WIDENINGS: Mapping[ShortcutKind, Callable[[Shortcut, Unit], _Steps]] = MappingProxyType(
    {
        "identity": _identity,
        "real-1x1": _projection,
        "binary-1x1": _binary_projection,
        "duplicate": _repetition,
        "zero-pad": _padding,
    }
)

_POOLINGS: Mapping[int, Callable[[], _Steps]] = MappingProxyType(
    {1: list, 2: lambda: [("pool", nn.AvgPool2d(2, ceil_mode=True))]}
)
