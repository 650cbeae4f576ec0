"""Trainable networks from architectures: binary convolutions and everything around them."""

from bnas.blocks.convolution import BinaryConv2d
from bnas.blocks.coupling import decouple
from bnas.blocks.network import build
from bnas.blocks.precision import set_weights
from bnas.blocks.regulariser import regularisation
from bnas.blocks.twin import build_twin
from bnas.estimators import set_progress

__all__ = [
    "BinaryConv2d",
    "build",
    "build_twin",
    "decouple",
    "regularisation",
    "set_progress",
    "set_weights",
]
