"""BinaryDuo: three levels in training, then two binary activations for each of them.

Kim et al., "BinaryDuo: Reducing Gradient Mismatch in Binary Activation Network by Coupling Binary
Activations" (ICLR 2020). A ternary activation is the mean of two binary ones,

    t(x) = (1[x > 1/4] + 1[x > 3/4]) / 2 = (1[x + 1/4 > 1/2] + 1[x - 1/4 > 1/2]) / 2,

so a network trained with t becomes a binary one that computes the same: every channel in front of
the step twice, shifted by -1/4 and +1/4 in the norm's bias, every weight twice, half the output.
The paper halves the weights, which does the same only where the scale follows from them. The two
of a pair stand side by side, so that groups of channels stay groups.
"""

from typing import final

import torch
from torch import Tensor, nn

_SHIFT = 0.25


@final
class CopyChannels(nn.Module):
    """Every channel `times` times, side by side: (N, C, H, W) to (N, times C, H, W)."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, times C, H, W)."""
        return x.repeat_interleave(self.times, 1)


def pair_shifts(channels: int) -> Tensor:
    """What moves the steps of `channels` pairs, (2 channels,), from 1/2 to 3/4 and 1/4."""
    return torch.tensor([-_SHIFT, _SHIFT]).repeat(channels)
