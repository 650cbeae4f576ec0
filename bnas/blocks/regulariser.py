"""BNN+'s regularisers: a price on latent weights that are far from their scale."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from bnas.blocks.convolution import BinaryConv2d, LearnedScale


def regularisation(network: nn.Module) -> Tensor | None:
    """The sum over layers of lambda R(W, a), to add to the loss; None where it has no terms.

    Darabi et al., "BNN+" (2018), section 3.2: R1 = sum |a - |w|| and R2 = sum (a - |w|)^2 over
    the latent weights w of a layer, with a its learned scale, one for each filter. Both draw the
    weights to +-a and a to their median (R1) or mean (R2) magnitude. Weights that are real for the
    time being have no term.
    """
    terms = [
        conv.regulariser_weight * REGULARISERS[conv.regulariser](conv.weight, conv.scale.weight)
        for conv in network.modules()
        if isinstance(conv, BinaryConv2d)
        and conv.is_binary
        and conv.regulariser != "none"
        and isinstance(conv.scale, LearnedScale)
    ]
    return torch.stack(terms).sum() if terms else None


def _r1(weight: Tensor, scale: Tensor) -> Tensor:
    return (scale - weight.abs()).abs().sum()


def _r2(weight: Tensor, scale: Tensor) -> Tensor:
    return (scale - weight.abs()).square().sum()


REGULARISERS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"r1": _r1, "r2": _r2}
)
