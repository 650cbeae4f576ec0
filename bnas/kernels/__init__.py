"""C++ for feature maps, on one thread of a CPU.

`head` and `tail` are what stands in front of a unit's convolutions and behind them, `sign_conv2d`
convolves signs as bits. Each is one autograd function around loops of C++, which are compiled once
on a machine. They know tensors and numbers, nothing of modules.
"""

from bnas.kernels.convolution import packs, sign_conv2d
from bnas.kernels.heads import Head, Levels, Tent, head
from bnas.kernels.library import KernelsUnavailable, load
from bnas.kernels.norm import Norm
from bnas.kernels.tails import Bend, Placement, Tail, tail
from bnas.kernels.tensors import runs

__all__ = [
    "Bend",
    "Head",
    "KernelsUnavailable",
    "Levels",
    "Norm",
    "Placement",
    "Tail",
    "Tent",
    "head",
    "load",
    "packs",
    "runs",
    "sign_conv2d",
    "tail",
]
