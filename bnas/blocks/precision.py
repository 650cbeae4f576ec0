"""Real weights in place of binary ones: the first of the two steps that some recipes train in."""

from typing import Literal

from torch import nn

from bnas.blocks.convolution import BinaryConv2d


def set_weights(network: nn.Module, weights: Literal["real", "binary"]) -> None:
    """Says what every binary convolution of a network convolves with.

    Real weights are the latent ones as they are, without sign, estimator and scale (ReActNet's
    first step has ordinary convolutions behind binary activations). When they become binary, a
    learned scale begins where it would in a new network, at a statistic of the latent weights.
    """
    for conv in network.modules():
        if isinstance(conv, BinaryConv2d):
            conv.set_binary(binary=weights == "binary")
