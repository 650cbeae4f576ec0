"""A network as it is deployed: binary weights and their scales in place of latent weights."""

from typing import final

import torch
from torch import Tensor, nn

from bnas.blocks.convolution import BinaryConv2d, NoScale
from bnas.errors import InvalidConfiguration
from bnas.estimators import Estimator, ScheduledEstimator


def freeze(network: nn.Module) -> nn.Module:
    """Replaces latent weights by the binary weights that the forward pass makes of them.

    In evaluation mode the network computes the same as before, to the last bit. Its parameters
    take no gradient any more. `weight` of a binary convolution then holds -1 and +1, `scale.value`
    the factor of each filter where there is one. The sharpness of estimators is dropped.

    Args:
        network: What `bnas.blocks.build` made, trained or not; changed in place.

    Returns:
        The same network, in evaluation mode.

    Raises:
        InvalidConfiguration: Its weights are real, as in the first of two steps.
    """
    with torch.no_grad():
        for module in list(network.modules()):
            if isinstance(module, BinaryConv2d):
                _freeze(module)
            elif isinstance(module, ScheduledEstimator):
                module.log_sharpness = None
    return network.eval().requires_grad_(requires_grad=False)


@final
class FixedScale(nn.Module):
    """Binary weights times a factor per output channel, (out, 1, 1, 1)."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, binary: Tensor, latent: Tensor) -> Tensor:
        """The scaled weights."""
        del latent
        return binary * self.value


@final
class AlreadyBinary(Estimator):
    """Weights that are binary already, as they are."""

    def set_progress(self, progress: float) -> None:
        """Changes nothing."""

    def forward(self, x: Tensor) -> Tensor:
        """The same tensor."""
        return x


def _freeze(conv: BinaryConv2d) -> None:
    if not conv.is_binary:
        raise InvalidConfiguration(
            "what is deployed must have binary weights, but this network convolves with real ones; "
            "train it on in a phase with weights: binary"
        )
    binary = conv.estimator(conv.weight)
    if not isinstance(conv.scale, NoScale):
        # Of weights that are all +1 there are only the factors left.
        conv.scale = FixedScale(conv.scale(torch.ones_like(binary), conv.weight)[:, :1, :1, :1])
    conv.weight = nn.Parameter(binary)
    conv.estimator = AlreadyBinary()
