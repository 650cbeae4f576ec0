"""The binary convolution and the scales of its weights."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture.model import Padding, Unit, WeightScale, WeightScaleInit
from bnas.architecture.nodes import Conv
from bnas.estimators import Estimator


@final
class BinaryConv2d(nn.Module):
    """A convolution with binary weights, padded to keep n pixels, or ceil(n / stride).

    `weight` holds the latent real weights, (out, in / groups, kernel, kernel); what convolves is
    their sign, times a scale per output channel. The inputs are binarised by whoever calls.

    Args:
        plan: Channels, kernel, stride and groups.
        design: Kind of scale, padding and regulariser.
        estimator: Sign of the weights with its gradient.
        factor: Of the output: 1, or 1/2 where the inputs come in pairs (BinaryDuo).
    """

    def __init__(
        self, plan: Conv, design: Unit, estimator: Estimator, *, factor: float = 1.0
    ) -> None:
        super().__init__()
        self.stride = plan.stride
        self.padding = (plan.kernel_size - 1) // 2
        self.groups = plan.groups
        self.regulariser = design.regulariser or "none"
        self.regulariser_weight = design.regulariser_weight or 0.0
        self._border = BORDERS[design.padding]
        self._factor = factor
        shape = (plan.out_channels, plan.in_channels // plan.groups, *(plan.kernel_size,) * 2)
        # Adam moves every latent weight by about the same step, so their spread decides how soon
        # signs flip; this is the customary one (Larq's default too).
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(shape)))
        self.estimator = estimator
        self._start = SCALE_STARTS[design.weight_scale_init or "mean"]
        start = self._start(self.weight.detach())
        self.scale: nn.Module = WEIGHT_SCALES[design.weight_scale](start)
        self.is_binary = True

    def set_binary(self, *, binary: bool) -> None:
        """Puts the sign and the scale of the weights in force, or neither."""
        if binary and not self.is_binary and isinstance(self.scale, LearnedScale):
            with torch.no_grad():
                self.scale.weight.copy_(self._start(self.weight))
        self.is_binary = binary

    def forward(self, x: Tensor, convolve: "Convolve | None" = None) -> Tensor:
        """Maps x (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride)), of x's type.

        Args:
            x: Binary, as a rule.
            convolve: What convolves in place of PyTorch's convolution, where both sides are binary.
        """
        weight: Tensor = self.weight
        if self.is_binary:
            weight = self.scale(self.estimator(weight), weight)
        dtype, padding = x.dtype, self.padding
        if padding and self._border:
            x, padding = functional.pad(x, (padding,) * 4, value=self._border), 0
        if dtype == torch.bfloat16 and min(x.shape[2:]) < self.stride:
            # PyTorch 2.13 on a CPU leaves parts of the weight's gradient unwritten there.
            x = x.float()
        if convolve is None or not self.is_binary:
            convolve = conv2d
        y = convolve(x, weight, self.stride, padding, self.groups).to(dtype)
        return y if self._factor == 1 else y * self._factor


Convolve = Callable[[Tensor, Tensor, int, int, int], Tensor]
"""Of x and weights, with stride, padding and groups."""


def conv2d(x: Tensor, weight: Tensor, stride: int, padding: int, groups: int) -> Tensor:
    """PyTorch's convolution, in the type of x."""
    weight = weight.to(x.dtype)
    return functional.conv2d(x, weight, stride=stride, padding=padding, groups=groups)


@final
class NoScale(nn.Module):
    """Weights of -1 and +1."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        del start

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The binary weights as they are."""
        del latent
        return binary


@final
class MeanScale(nn.Module):
    """sign(w) mean |w|, the mean per output channel, with its gradient (XNOR-Net)."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        del start

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The scaled weights, of the shape of both arguments."""
        return binary * _mean_magnitude(latent)


@final
class DetachedMeanScale(nn.Module):
    """sign(w) mean |w|, where the gradient passes as if the scale were 1.

    So it is in ReActNet's code: neither does the scale have a gradient, nor is the gradient of the
    sign multiplied by it.
    """

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        del start

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The scaled weights, of the shape of both arguments."""
        fixed = binary.detach()
        return fixed * _mean_magnitude(latent.detach()) + (binary - fixed)


@final
class LearnedScale(nn.Module):
    """sign(w) s with s learned per output channel (BNN+), from a statistic of |w| on."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(start)

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The scaled weights, of the shape of both arguments."""
        del latent
        return binary * self.weight


def _mean_magnitude(weight: Tensor) -> Tensor:
    return weight.abs().mean((1, 2, 3), keepdim=True)


def _quantile_magnitude(weight: Tensor, share: float) -> Tensor:
    return weight.abs().flatten(1).quantile(share, 1)[:, None, None, None]


# What pads the binary activations.
BORDERS: Mapping[Padding, float] = MappingProxyType({"zero": 0.0, "one": 1.0})

SCALE_STARTS: Mapping[WeightScaleInit, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "median": partial(_quantile_magnitude, share=0.5),
        "mean": _mean_magnitude,
        "p75": partial(_quantile_magnitude, share=0.75),
    }
)


_Scale = type[NoScale] | type[MeanScale] | type[DetachedMeanScale] | type[LearnedScale]

WEIGHT_SCALES: Mapping[WeightScale, _Scale] = MappingProxyType(
    {
        "none": NoScale,
        "mean": MeanScale,
        "mean-detached": DetachedMeanScale,
        "learned": LearnedScale,
    }
)
