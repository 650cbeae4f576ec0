"""Scores from gradients of an untrained network, taken through its surrogate gradients."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.blocks import BinaryConv2d
from bnas.blocks.eight_bit import EightBitConv2d
from bnas.errors import EvaluationFailed

_WEIGHTED = (nn.Conv2d, nn.Linear, BinaryConv2d, EightBitConv2d)
# Keeps the logarithm and the quotient of an eigenvalue of 0 finite; the value of the paper's code.
_SMALLEST = 1e-5


def gradient_norm(network: nn.Module, x_NCHW: Tensor, y_N: Tensor) -> float:
    """The sum over layers of the Euclidean norm of the gradient of their weights.

    S = sum_l ||dL/dw_l||, with L the mean cross-entropy of one batch: "grad_norm" of Abdelfattah
    et al., "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021, section 3). Layers are convolutions
    and the classifier. Of a binary convolution it is the gradient of the latent weights, which
    passes both signs by their surrogates. Higher is better.

    Args:
        network: In any state; it is left as it is. Norms take the statistics of the batch.
        x_NCHW: Images.
        y_N: Their labels.
    """
    network = copy.deepcopy(network).train()
    weights = [m.weight for m in network.modules() if isinstance(m, _WEIGHTED)]
    logits_NK: Tensor = network(x_NCHW)
    loss = functional.cross_entropy(logits_NK, y_N)
    # A layer that nothing depends on has a gradient of zero.
    gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
    return sum(float(gradient.double().norm()) for gradient in gradients)


def jacobian_covariance(network: nn.Module, x_NCHW: Tensor) -> float:
    """How differently the logits react to each image.

    With J the gradients of the sum of the logits by each image (N, C H W), and s_i the eigenvalues
    of the correlation matrix of its rows, S = -sum_i (log(s_i + k) + 1 / (s_i + k)), k = 1e-5. It
    is largest, about -N, where no two rows are correlated: "jacob_cov" of Abdelfattah et al.,
    "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021), after the first version of Mellor et al.,
    "Neural Architecture Search without Training" (arXiv 2006.04647v1). Gradients pass signs by
    their surrogates. Higher is better.

    Args:
        network: In any state; it is left as it is. Norms take the statistics of the batch.
        x_NCHW: Images.

    Raises:
        EvaluationFailed: No gradient reaches some image.
    """
    network = copy.deepcopy(network).train()
    x_NCHW = x_NCHW.detach().clone().requires_grad_()
    logits_NK: Tensor = network(x_NCHW)
    (gradient_NCHW,) = torch.autograd.grad(logits_NK.sum(), x_NCHW)
    jacobian_ND = gradient_NCHW.double().flatten(1)
    if bool((jacobian_ND.var(1) == 0).any()):
        raise EvaluationFailed(
            "a Jacobian covariance needs a gradient for every image, but one of them has none; "
            "leave the score out for this architecture"
        )
    eigenvalues = torch.linalg.eigvalsh(torch.corrcoef(jacobian_ND)).clamp(min=0) + _SMALLEST
    return -float((eigenvalues.log() + 1 / eigenvalues).sum())
