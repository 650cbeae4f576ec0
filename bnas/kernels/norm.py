"""Batch norm as the kernels have it: a factor and an offset for each channel."""

import ctypes
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bnas.kernels.library import load
from bnas.kernels.tensors import Channels, address, is_half, sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """What `torch.nn.BatchNorm2d` has, with affine parameters and running statistics.

    Attributes:
        weight: (C,).
        bias: (C,).
        running_mean: (C,), changed in training.
        running_variance: (C,), changed in training.
        num_batches: Counted in training.
        momentum: Share of the batch in the running statistics.
        epsilon: Added to the variance.
        training: Whether statistics are those of the batch.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_variance: Tensor
    num_batches: Tensor | None
    momentum: float
    epsilon: float
    training: bool


class Applied(NamedTuple):
    """x -> factor x + offset, and the statistics that it is made of; all (C,)."""

    factor: Tensor
    offset: Tensor
    mean: Tensor
    reciprocal: Tensor


@torch.no_grad()
def in_force(
    norm: Norm, seen: Tensor, *, placement: int = 0, kind: int = 0, bend: Channels | None = None
) -> Applied:
    """A norm with the statistics of its batch, which it keeps, or with those that it kept.

    Args:
        norm: The norm.
        seen: What it is of, (N, C, H, W), or what becomes that by a bend.
        placement: Of that bend, see `tails`.
        kind: Of that bend.
        bend: Values of that bend.
    """
    mean, variance = norm.running_mean, norm.running_variance
    if norm.training:
        mean, variance = torch.empty(2, seen.shape[1])
        load().tail_statistics(
            *sizes(seen),
            address(seen),
            is_half(seen),
            placement,
            kind,
            ctypes.byref(bend or Channels()),
            address(mean),
            address(variance),
        )
        _keep(norm, mean, variance, seen.numel() // seen.shape[1])
    reciprocal = (variance + norm.epsilon).rsqrt_()
    factor = norm.weight * reciprocal
    return Applied(factor, norm.bias - mean * factor, mean, reciprocal)


def _keep(norm: Norm, mean: Tensor, variance: Tensor, number: int) -> None:
    """Moves the running statistics towards those of `number` values of each channel."""
    norm.running_mean.lerp_(mean, norm.momentum)
    # Of a single value, the estimate without bias is NaN in PyTorch, too.
    unbiased = variance * (number / (number - 1) if number > 1 else torch.nan)
    norm.running_variance.lerp_(unbiased, norm.momentum)
    if norm.num_batches is not None:
        norm.num_batches.add_(1)
