"""Binary weights as bits."""

import numpy as np
import torch
from torch import Tensor


def packed(weight: Tensor) -> Tensor:
    """One bit for each weight, 1 for +1 and 0 for -1, in bytes.

    The weights are taken in row-major order of their shape (out, in / groups, height, width); the
    first is the lowest bit of the first byte, and the last byte is filled up with zeros.

    Args:
        weight: -1 and +1, of any shape.

    Returns:
        (ceil(n / 8),), uint8.
    """
    bits = (weight.detach().cpu().contiguous().flatten() > 0).numpy()
    return torch.from_numpy(np.packbits(bits, bitorder="little"))


def unpacked(bits: Tensor, shape: torch.Size) -> Tensor:
    """The weights of `shape` that `packed` packed, as float32."""
    values = np.unpackbits(bits.numpy(), count=shape.numel(), bitorder="little")
    return torch.from_numpy(values).to(torch.float32).mul_(2).sub_(1).view(shape)
