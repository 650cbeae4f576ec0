"""The real-valued twin of a design, the upper bound and the teacher of its binary network."""

from typing import Any

from torch import nn

from bnas.architecture import Architecture, twin_of
from bnas.blocks.convolution import BinaryConv2d
from bnas.blocks.network import build
from bnas.blocks.unit import Unit
from bnas.estimators import Estimator


def build_twin(
    architecture: Architecture,
    *,
    num_classes: int,
    in_channels: int = 3,
    image_size: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """The network of `twin_of(architecture)` with ReLU for each sign, and real convolutions.

    ReLU, and not the identity: in many designs the sign is all that is not linear. Names of
    submodules are those of the binary network.

    Args:
        architecture: The design, or its twin.
        num_classes: Outputs of the classifier.
        in_channels: Channels of an image.
        image_size: See `bnas.blocks.build`.
        seed: Decides the initial weights.
    """
    settings: dict[str, Any] = {"num_classes": num_classes, "in_channels": in_channels}
    network = build(twin_of(architecture), image_size=image_size, seed=seed, **settings)
    for unit in [part for part in network.modules() if isinstance(part, Unit)]:
        for name, part in [*unit.named_children()]:
            if isinstance(part, Estimator):
                setattr(unit, name, nn.ReLU())
            elif isinstance(part, BinaryConv2d):
                setattr(unit, name, _real(part))
    return network


def _real(conv: BinaryConv2d) -> nn.Conv2d:
    out_channels, in_channels, kernel_size, _ = conv.weight.shape
    # Without values of its own: no random number is drawn.
    real = nn.Conv2d(
        in_channels * conv.groups,
        out_channels,
        kernel_size,
        stride=conv.stride,
        padding=conv.padding,
        groups=conv.groups,
        bias=False,
        device="meta",
    )
    real.weight = conv.weight
    return real
