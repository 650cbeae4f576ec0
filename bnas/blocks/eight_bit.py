"""The 8-bit convolution: what a deployed stem computes with integers, simulated in floats."""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture.nodes import Conv

_LEVELS = 127
_MOMENTUM = 0.01
_SMALLEST = 1e-8


@final
class EightBitConv2d(nn.Module):
    """A convolution of 8-bit weights and 8-bit inputs, padded with zeros, without bias.

    Both are rounded to multiples of range / 127: weights with the largest magnitude of their
    filter as range, inputs with a running mean of the largest magnitude of the batches seen in
    training (until then, that of the batch). The gradient passes the rounding unchanged. Each
    filter's step belongs to the norm behind it when deployed.

    Args:
        plan: Channels, kernel, stride and groups.
    """

    input_range: Tensor

    def __init__(self, plan: Conv) -> None:
        super().__init__()
        self.stride = plan.stride
        self.padding = (plan.kernel_size - 1) // 2
        self.groups = plan.groups
        shape = (plan.out_channels, plan.in_channels // plan.groups, *(plan.kernel_size,) * 2)
        self.weight = nn.Parameter(nn.init.kaiming_normal_(torch.empty(shape)))
        self.register_buffer("input_range", torch.zeros(()))
        # Of a batch in training; another one where batches are spread over processes.
        self.largest = _largest

    def forward(self, x: Tensor) -> Tensor:
        """Maps x (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        weight = _rounded(self.weight, self.weight.detach().abs().amax((1, 2, 3), keepdim=True))
        return functional.conv2d(
            _rounded(x, self._range(x.detach())),
            weight,
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
        )

    def _range(self, x: Tensor) -> Tensor:
        largest = self.largest(x) if self.training else _largest(x)
        if self.training:
            seen = torch.where(self.input_range > 0, self.input_range, largest)
            self.input_range.copy_(seen.lerp(largest, _MOMENTUM))
        return torch.where(self.input_range > 0, self.input_range, largest)


def _largest(x: Tensor) -> Tensor:
    return x.abs().amax()


def _rounded(x: Tensor, extent: Tensor) -> Tensor:
    """Puts x on 255 levels within +-extent, with the gradient of x."""
    step = extent.clamp(min=_SMALLEST) / _LEVELS
    levels = (x.detach() / step).round_().clamp_(-_LEVELS, _LEVELS)
    return x + (levels * step - x.detach())
