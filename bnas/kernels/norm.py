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
    """x -> factor x + offset, and the statistics that it is made of; all (C,).

    `is_fixed` says that these are not those of the batch.
    """

    factor: Tensor
    offset: Tensor
    mean: Tensor
    reciprocal: Tensor
    is_fixed: bool

    @property
    def channels(self) -> tuple[Tensor, ...]:
        """What belongs to channels."""
        return self.factor, self.offset, self.mean, self.reciprocal


_NONE, _OF_BATCH, _FIXED = range(3)


def norm_kind(norm: Applied | None) -> int:
    """What the kernels call it."""
    if norm is None:
        return _NONE
    return _FIXED if norm.is_fixed else _OF_BATCH


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

    Raises:
        ValueError: The batch has a single value for each channel.
    """
    # A copy, for a gradient that is asked for when the statistics have moved on.
    mean, variance = norm.running_mean.clone(), norm.running_variance
    if norm.training:
        if seen.numel() == seen.shape[1]:
            raise ValueError(
                "a norm is trained on more than one value for each channel, but its input has the "
                f"shape {tuple(seen.shape)}; take larger batches"
            )
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
    return Applied(factor, norm.bias - mean * factor, mean, reciprocal, not norm.training)


def _keep(norm: Norm, mean: Tensor, variance: Tensor, number: int) -> None:
    """Moves the running statistics towards those of `number` values of each channel."""
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_variance.lerp_(variance * (number / (number - 1)), norm.momentum)
    if norm.num_batches is not None:
        norm.num_batches.add_(1)
