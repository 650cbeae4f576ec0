"""What stands around the sign: thresholds in front, non-linearities on the real-valued path."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn

from bnas.architecture.model import Unit
from bnas.architecture.nodes import Levels
from bnas.blocks.slopes import per_channel, prelu, two_slopes
from bnas.estimators import Estimator, make, ternary_activations, unsigned_activations

_INITIAL_SLOPE = 0.25


@final
class Threshold(nn.Module):
    """x - a with a learned per channel from 0 on: the sign behind it changes at a.

    RSign of ReActNet (Liu et al., ECCV 2020, equation 5). The paper has -1 at x = a, where this
    project's sign has +1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (N, C, H, W) to its distance from the thresholds."""
        return _shifted(x, -self.weight)


@final
class PReLU(nn.Module):
    """x where x > 0, else b x, with b per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), _INITIAL_SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape."""
        return prelu(x, self.weight)


@final
class RPReLU(nn.Module):
    """x - g + z where x > g, else b (x - g) + z, with b, g and z per channel.

    ReActNet (Liu et al., ECCV 2020, equation 6).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), _INITIAL_SLOPE))
        self.shift_in = nn.Parameter(torch.zeros(channels))
        self.shift_out = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape."""
        bent = prelu(_shifted(x, -self.shift_in), self.weight)
        return bent.add_(per_channel(self.shift_out, x))


@final
class TwoSlopePReLU(nn.Module):
    """p x where x > 0, else n x, with p (from 1 on) and n per channel (AdaBin, PokeBNN)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.positive = nn.Parameter(torch.ones(channels))
        self.negative = nn.Parameter(torch.full((channels,), _INITIAL_SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape."""
        return two_slopes(x, self.negative, self.positive)


def _shifted(x: Tensor, shift: Tensor) -> Tensor:
    # Subtracting would negate the whole gradient to get that of a shift.
    return x + per_channel(shift, x)


def _signs(design: Unit) -> Estimator:
    return make(design.activation_estimator or "ste", "activations", design.activation_beta)


BINARISATIONS: Mapping[Levels, Callable[[Unit], Estimator]] = MappingProxyType(
    {
        "signed": _signs,
        "unsigned": lambda _: unsigned_activations(),
        "ternary": lambda _: ternary_activations(),
    }
)

THRESHOLDS: Mapping[str, Callable[[int], nn.Module]] = MappingProxyType({"learnable": Threshold})


def _without_channels(module: type[nn.Module]) -> Callable[[int], nn.Module]:
    return lambda channels: module()  # noqa: ARG005


NONLINEARITIES: Mapping[str, Callable[[int], nn.Module]] = MappingProxyType(
    {
        "relu": _without_channels(nn.ReLU),
        "hardtanh": _without_channels(nn.Hardtanh),
        "prelu": PReLU,
        "rprelu": RPReLU,
        "prelu2": TwoSlopePReLU,
    }
)
