"""Synflow: how much flows through a network with positive weights, without any data."""

import copy
import math
from typing import Final, final

import torch
from torch import Tensor, nn

from bnas.blocks.activations import PReLU, RPReLU, Threshold, TwoSlopePReLU
from bnas.blocks.attention import ATTENTIONS
from bnas.blocks.convolution import WEIGHT_SCALES
from bnas.errors import EvaluationFailed
from bnas.estimators import Estimator


def synflow(network: nn.Module, *, in_channels: int, image_size: int) -> float:
    """The logarithm of the sum of |w dR/dw| over all weights, with R what flows to the outputs.

    R = 1' f(1), with f the network made linear, its weights made positive, and an image of ones:
    Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic
    flow" (NeurIPS 2020, equation 2), as a score of architectures Abdelfattah et al., "Zero-Cost
    Proxies for Lightweight NAS" (ICLR 2021). Higher is better.

    Linear means: norms, non-linearities, thresholds, attention and biases are left out. A binary
    convolution counts as the linear one of its latent weights, both signs being the identity and
    the scale 1; with the weights' signs alone, a flow would be a mere count of paths. The
    logarithm, which changes no rank, is ours: flows differ by many decades.

    Args:
        network: In any state; it is left as it is.
        in_channels: Channels of an image.
        image_size: Height and width of an image in pixels.

    Raises:
        EvaluationFailed: The flow is larger than any float.
    """
    linear = _linear(copy.deepcopy(network)).double().eval()
    with torch.no_grad():
        for parameter in linear.parameters():
            # What has one axis is a bias; all else of one axis is gone.
            _ = parameter.zero_() if parameter.dim() == 1 else parameter.abs_()
    device = next(linear.parameters()).device
    ones = torch.ones(1, in_channels, image_size, image_size, dtype=torch.float64, device=device)
    flow: Tensor = linear(ones).sum()
    weights = [parameter for parameter in linear.parameters() if parameter.dim() > 1]
    gradients = torch.autograd.grad(flow, weights, materialize_grads=True)
    pairs = zip(weights, gradients, strict=True)
    total = sum(float((weight.detach() * gradient).abs().sum()) for weight, gradient in pairs)
    if not math.isfinite(total):
        raise EvaluationFailed(
            f"a synaptic flow must be finite, but is {total}; leave the score out for this "
            "architecture"
        )
    return math.log(total)


def _linear(module: nn.Module) -> nn.Module:
    """Puts the identity in place of every part that is not linear in its input."""
    for name, child in module.named_children():
        if isinstance(child, _NOT_LINEAR):
            setattr(module, name, _First())
        else:
            _linear(child)
    return module


@final
class _First(nn.Module):
    """Returns its first argument."""

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        del others
        return x


_NOT_LINEAR: Final = (
    nn.BatchNorm2d,
    nn.ReLU,
    nn.Hardtanh,
    PReLU,
    RPReLU,
    TwoSlopePReLU,
    Threshold,
    Estimator,
    *WEIGHT_SCALES.values(),
    *ATTENTIONS.values(),
)
