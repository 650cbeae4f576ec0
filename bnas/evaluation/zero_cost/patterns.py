"""NASWOT: how different the patterns of signs are that images cause in an untrained network."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn

from bnas.blocks import BinaryConv2d
from bnas.blocks.activations import PReLU, RPReLU, TwoSlopePReLU
from bnas.estimators import Estimator

_Bits = Callable[[nn.Module, Tensor, Tensor], list[Tensor]]


def naswot(network: nn.Module, x_NCHW: Tensor) -> float:
    """The logarithm of the determinant of the Hamming kernel of the images' binary codes.

    K_ij = A - d(c_i, c_j), with A the number of bits and d the Hamming distance, S = log |det K|:
    Mellor et al., "Neural Architecture Search without Training" (ICML 2021, equations 2 and 3),
    where a bit says whether a ReLU is active. Here a bit is the sign in front of a binary
    convolution, or the side of a bend of a non-linearity (hardtanh has two bends), as both decide
    which linear map the network is. Bits of equal inputs are counted as often as they occur. It is
    -inf where two images have the same code. Higher is better.

    Args:
        network: In any state; it is left as it is. Norms take the statistics of the batch.
        x_NCHW: N images.
    """
    network = copy.deepcopy(network).train()
    kernel = x_NCHW.new_zeros((len(x_NCHW), len(x_NCHW)), dtype=torch.float64)

    def add(bits: _Bits) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            for bit in bits(module, inputs[0], output):
                kernel.add_(agreements(bit.flatten(1)))

        return hook

    for module, bits in _watched(network):
        module.register_forward_hook(add(bits))
    with torch.no_grad():
        network(x_NCHW)
    return float(torch.linalg.slogdet(kernel).logabsdet)


def agreements(bits_NA: Tensor) -> Tensor:
    """The number of equal bits of each pair of rows, (N, N)."""
    # With +-1 for a bit, a product is agreements minus disagreements; sums of ones are exact.
    signs_NA = bits_NA.double().mul_(2).sub_(1)
    return (signs_NA @ signs_NA.T + bits_NA.shape[1]) / 2


def _watched(network: nn.Module) -> Iterator[tuple[nn.Module, _Bits]]:
    """Every sign of activations and every non-linearity, with what its bits are."""
    of_weights = {m.estimator for m in network.modules() if isinstance(m, BinaryConv2d)}
    for module in network.modules():
        if isinstance(module, Estimator) and module not in of_weights:
            yield module, _levels
        elif type(module) in _BENDS:
            yield module, _BENDS[type(module)]


def _levels(module: nn.Module, x: Tensor, output: Tensor) -> list[Tensor]:  # noqa: ARG001
    return [output > 0]


def _above_zero(module: nn.Module, x: Tensor, output: Tensor) -> list[Tensor]:  # noqa: ARG001
    return [x > 0]


def _above_limits(module: nn.Module, x: Tensor, output: Tensor) -> list[Tensor]:  # noqa: ARG001
    return [x > -1, x > 1]


def _above_shift(module: nn.Module, x: Tensor, output: Tensor) -> list[Tensor]:  # noqa: ARG001
    shift: Tensor = module.get_parameter("shift_in")
    return [x > shift.view(-1, 1, 1)]


_BENDS: Final[dict[type[nn.Module], _Bits]] = {
    nn.ReLU: _above_zero,
    nn.Hardtanh: _above_limits,
    PReLU: _above_zero,
    TwoSlopePReLU: _above_zero,
    RPReLU: _above_shift,
}
