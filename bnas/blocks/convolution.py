"""The binary convolution and the scales of its weights."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture.model import WeightScale
from bnas.architecture.plan import Conv
from bnas.estimators import Estimator


@final
class BinaryConv2d(nn.Module):
    """A convolution with binary weights, padded with zeros to keep n pixels, or ceil(n / stride).

    `weight` holds the latent real weights, (out, in / groups, kernel, kernel); what convolves is
    their sign, times a scale per output channel. The inputs are binarised by whoever calls.

    Args:
        plan: Channels, kernel, stride and groups.
        estimator: Sign of the weights with its gradient.
        weight_scale: Kind of the scale.
    """

    def __init__(self, plan: Conv, estimator: Estimator, weight_scale: WeightScale) -> None:
        super().__init__()
        self.stride = plan.stride
        self.padding = (plan.kernel_size - 1) // 2
        self.groups = plan.groups
        shape = (plan.out_channels, plan.in_channels // plan.groups, *(plan.kernel_size,) * 2)
        # Adam moves every latent weight by about the same step, so their spread decides how soon
        # signs flip; this is the customary one (Larq's default too).
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(shape)))
        self.estimator = estimator
        self.scale = WEIGHT_SCALES[weight_scale](self.weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        weight = self.scale(self.estimator(self.weight), self.weight)
        return functional.conv2d(
            x, weight, stride=self.stride, padding=self.padding, groups=self.groups
        )


@final
class NoScale(nn.Module):
    """Weights of -1 and +1."""

    def __init__(self, latent: Tensor) -> None:
        super().__init__()
        del latent

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The binary weights as they are."""
        del latent
        return binary


@final
class MeanScale(nn.Module):
    """sign(w) mean |w|, the mean per output channel, with its gradient (XNOR-Net)."""

    def __init__(self, latent: Tensor) -> None:
        super().__init__()
        del latent

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The scaled weights, of the shape of both arguments."""
        return binary * _mean_magnitude(latent)


@final
class DetachedMeanScale(nn.Module):
    """sign(w) mean |w|, where the gradient passes as if the scale were 1.

    So it is in ReActNet's code: neither does the scale have a gradient, nor is the gradient of the
    sign multiplied by it.
    """

    def __init__(self, latent: Tensor) -> None:
        super().__init__()
        del latent

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The scaled weights, of the shape of both arguments."""
        fixed = binary.detach()
        return fixed * _mean_magnitude(latent.detach()) + (binary - fixed)


@final
class LearnedScale(nn.Module):
    """sign(w) s with s learned per output channel, from mean |w| on (BNN+)."""

    def __init__(self, latent: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(_mean_magnitude(latent))

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The scaled weights, of the shape of both arguments."""
        del latent
        return binary * self.weight


def _mean_magnitude(weight: Tensor) -> Tensor:
    return weight.abs().mean((1, 2, 3), keepdim=True)


_Scale = type[NoScale] | type[MeanScale] | type[DetachedMeanScale] | type[LearnedScale]

WEIGHT_SCALES: Mapping[WeightScale, _Scale] = MappingProxyType(
    {
        "none": NoScale,
        "mean": MeanScale,
        "mean-detached": DetachedMeanScale,
        "learned": LearnedScale,
    }
)
