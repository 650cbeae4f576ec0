"""A moving average of the weights: what is scored and saved in place of the last ones."""

import copy
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def averaged(model: nn.Module) -> nn.Module:
    """A copy to begin an average with, without gradients."""
    return copy.deepcopy(model).requires_grad_(requires_grad=False)


class Pairs(NamedTuple):
    """What is averaged and what goes into it; to look for it takes as long as to average it."""

    kept: list[Tensor]
    seen: list[Tensor]
    counts_kept: list[Tensor]
    counts_seen: list[Tensor]

    @classmethod
    def of(cls, average: nn.Module, model: nn.Module) -> Self:
        """Parameters and buffers of both."""
        kept, seen = ([*network.parameters(), *network.buffers()] for network in (average, model))
        numbers = [index for index, one in enumerate(kept) if one.is_floating_point()]
        counts = [index for index, one in enumerate(kept) if not one.is_floating_point()]
        return cls(*([of[i] for i in which] for which in (numbers, counts) for of in (kept, seen)))


@torch.no_grad()
def update(pairs: Pairs, *, decay: float, step: int) -> None:
    """Moves the average towards the model: a <- d a + (1 - d) w with d = effective_decay.

    Latent weights are averaged, and the signs are those of the average. Statistics of norms are
    averaged like weights; what is counted (an integer) is taken over.

    Args:
        pairs: Of the average, which is changed in place, and of the model after an optimizer's
            step.
        decay: See `effective_decay`.
        step: See `effective_decay`.
    """
    blend = get_ema_multi_avg_fn(effective_decay(decay, step))
    blend(pairs.kept, pairs.seen, 0)
    for kept, seen in zip(pairs.counts_kept, pairs.counts_seen, strict=True):
        kept.copy_(seen)


def effective_decay(decay: float, step: int) -> float:
    """min(decay, (1 + step) / (10 + step)): the weights that training began with fade soon.

    Args:
        decay: in the long run.
        step: steps taken before, from 0 on, since the average was begun.
    """
    return min(decay, (1 + step) / (10 + step))
