"""Tensors as the kernels see them: numbers in rows of channels."""

import ctypes
from typing import Final

import torch
from torch import Tensor

_TYPES: Final = (torch.float32, torch.bfloat16)


def runs(x: Tensor) -> bool:
    """Whether kernels compute on x (N, C, H, W): channels-last, of their types, one CPU thread."""
    return (
        x.numel() > 0
        and x.dtype in _TYPES
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
        and torch.get_num_threads() == 1
    )


def rows(x: Tensor) -> Tensor:
    """The same values channels-last, copied only where they are not."""
    return x.contiguous(memory_format=torch.channels_last)


def like(x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Room for values of x's shape, channels-last."""
    return torch.empty_like(x, dtype=dtype, memory_format=torch.channels_last)


def address(x: Tensor | None) -> ctypes.c_void_p:
    """Of the first value; null for None."""
    return ctypes.c_void_p(None if x is None else x.data_ptr())


def sizes(x: Tensor) -> tuple[ctypes.c_int64, ctypes.c_int64]:
    """How many values there are, and in how many channels."""
    return ctypes.c_int64(x.numel()), ctypes.c_int64(x.shape[1])


def is_half(x: Tensor) -> int:
    """1 for bfloat16, 0 for float32."""
    return int(x.dtype == torch.bfloat16)


class Channels(ctypes.Structure):
    """Addresses of what belongs to channels; `kernels.cpp` has the same structure."""

    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in (
            *("factor", "offset", "mean", "reciprocal"),
            *("negative", "positive", "shift_in", "shift_out"),
        )
    )
