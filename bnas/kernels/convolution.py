"""The convolution of signs, computed on bits."""

import ctypes
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bnas.kernels.library import load
from bnas.kernels.tensors import address, is_half, rows, runs

# Filters that are computed side by side; with fewer, most of a vector would be empty.
_SIDE_BY_SIDE: Final = 16


def packs(x: Tensor, weight: Tensor, groups: int) -> bool:
    """Whether `sign_conv2d` can be called, and is faster than PyTorch's convolution."""
    return runs(x) and 2 * weight.shape[0] // groups >= _SIDE_BY_SIDE and bool(load().packs_signs())


def sign_conv2d(x: Tensor, weight: Tensor, *, stride: int, groups: int) -> Tensor:
    """`torch.nn.functional.conv2d` of signs, with zeros at the border.

    Sums are exact; only their product with the scale is rounded, to x's type.

    Args:
        x: -1 and +1, (N, in, H, W), float32 or bfloat16, channels-last.
        weight: (out, in / groups, k, k) with odd k, in float32. All weights of a filter have one
            magnitude.
        stride: Of both directions.
        groups: Of channels.

    Returns:
        (N, out, ceil(H / stride), ceil(W / stride)), of x's type, channels-last. The gradients are
        those of PyTorch's convolution with the weights in x's type.
    """
    result: Tensor = _SignConv2d.apply(x, weight, stride, groups)  # type: ignore[no-untyped-call]
    return result


class _SignConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, groups: int) -> Tensor:
        narrow = weight.to(x.dtype)
        ctx.save_for_backward(x, narrow)
        ctx.stride, ctx.groups, ctx.weight_type = stride, groups, weight.dtype
        images, channels, height, width = x.shape
        out, kernel = weight.shape[0], weight.shape[2]
        size = (-(-height // stride), -(-width // stride))
        y = torch.empty((images, out, *size), dtype=x.dtype, memory_format=torch.channels_last)
        # Scales as PyTorch would have them, rounded to x's type.
        filters = rows(narrow.float())
        load().sign_convolution(
            *map(ctypes.c_int64, (images, height, width, channels, out, groups, kernel, stride)),
            address(x),
            is_half(x),
            address(filters),
            address(y),
        )
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        stride, padding = [ctx.stride] * 2, [weight.shape[2] // 2] * 2
        grad_x, grad_weight, _ = torch.ops.aten.convolution_backward(
            grad_output,
            x,
            weight,
            bias_sizes=None,
            stride=stride,
            padding=padding,
            dilation=[1, 1],
            transposed=False,
            output_padding=[0, 0],
            groups=ctx.groups,
            output_mask=[*ctx.needs_input_grad[:2], False],
        )
        if grad_weight is not None:
            grad_weight = grad_weight.to(ctx.weight_type)
        return grad_x, grad_weight, None, None
