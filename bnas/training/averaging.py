"""A moving average of the weights: what is scored and saved in place of the last ones."""

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def averaged(model: nn.Module) -> nn.Module:
    """A copy to begin an average with, without gradients."""
    return copy.deepcopy(model).requires_grad_(requires_grad=False)


@torch.no_grad()
def update(average: nn.Module, model: nn.Module, *, decay: float, step: int) -> None:
    """Moves the average towards the model: a <- d a + (1 - d) w with d = effective_decay.

    Latent weights are averaged, and the signs are those of the average. Statistics of norms are
    averaged like weights; what is counted (an integer) is taken over.

    Args:
        average: changed in place.
        model: after an optimizer's step.
        decay: see `effective_decay`.
        step: see `effective_decay`.
    """
    blend = get_ema_multi_avg_fn(effective_decay(decay, step))
    blend([*average.parameters()], [*model.parameters()], 0)
    for kept, seen in zip(average.buffers(), model.buffers(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(seen, 1 - effective_decay(decay, step))
        else:
            kept.copy_(seen)


def effective_decay(decay: float, step: int) -> float:
    """min(decay, (1 + step) / (10 + step)): the weights that training began with fade soon.

    Args:
        decay: in the long run.
        step: steps taken before, from 0 on, since the average was begun.
    """
    return min(decay, (1 + step) / (10 + step))
