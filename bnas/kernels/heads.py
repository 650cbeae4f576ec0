"""Norm, threshold and sign in front of the convolutions of a unit."""

import ctypes
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bnas.kernels.library import load
from bnas.kernels.norm import Applied, Norm, in_force, norm_kind
from bnas.kernels.tensors import Channels, address, is_half, like, rows, sizes

Levels = Literal["signed", "unsigned", "ternary"]
_LEVELS: Final[dict[Levels, int]] = {"signed": 0, "unsigned": 1, "ternary": 2}


class Tent(NamedTuple):
    """A surrogate derivative: max(0, peak - fall |x|) where low <= x <= high, else 0."""

    low: float
    high: float
    peak: float
    fall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands in front of the convolutions.

    Attributes:
        norm: None for none.
        threshold: (C,), subtracted; None for none.
        levels: {-1, 1}, {0, 1} or {0, 0.5, 1}.
        surrogate: The gradient of the step between them.
    """

    norm: Norm | None
    threshold: Tensor | None
    levels: Levels
    surrogate: Tent


def head(x: Tensor, form: Head, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Norm, threshold and sign.

    Whatever else x is used for should take it from here: its gradient is then added on the way.

    Args:
        x: (N, C, H, W), float32, channels-last.
        form: What is done.
        dtype: Of the result, float32 or bfloat16.

    Returns:
        The levels, (N, C, H, W), channels-last; and x.
    """
    norm = form.norm
    found = None if norm is None else in_force(norm, x)
    affine = (None, None) if norm is None else (norm.weight, norm.bias)
    call = _Call(_LEVELS[form.levels], form.surrogate, found, dtype)
    result: tuple[Tensor, Tensor] = _Head.apply(call, x, form.threshold, *affine)  # type: ignore[no-untyped-call]
    return result


class _Call(NamedTuple):
    """How the kernels are called."""

    levels: int
    surrogate: Tent
    norm: Applied | None
    dtype: torch.dtype

    def channels(self, threshold: Tensor | None) -> tuple[Channels, tuple[Tensor | None, ...]]:
        """The addresses, and what has to live as long as they are used."""
        factor, offset, mean, reciprocal = self.norm.channels if self.norm else (None,) * 4
        if threshold is not None:
            offset = -threshold if offset is None else offset - threshold
        values = (factor, offset, mean, reciprocal, None, None, None, None)
        return Channels(*map(address, values)), values


class _Head(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        call: _Call,
        x: Tensor,
        threshold: Tensor | None,
        *_affine: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        # The parameters of a norm are arguments for their gradients; their values are in the call.
        ctx.save_for_backward(x, threshold)
        ctx.call = call
        ctx.set_materialize_grads(False)
        out = like(x, call.dtype)
        channels, _values = call.channels(threshold)
        load().head_forward(
            *sizes(x), address(x), is_half(out), call.levels, ctypes.byref(channels), address(out)
        )
        return out, x

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_output: Tensor | None, grad_passed: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        call: _Call = ctx.call
        x, threshold = ctx.saved_tensors
        if grad_output is None:
            return None, grad_passed, None, None, None
        gradient = rows(grad_output)
        passed = None if grad_passed is None else rows(grad_passed)
        grad_x = like(x)
        sums = torch.empty(2, x.shape[1])
        channels, _values = call.channels(threshold)
        surrogate = (ctypes.c_float * 4)(*call.surrogate)
        load().head_backward(
            *sizes(x),
            address(x),
            is_half(gradient),
            norm_kind(call.norm),
            ctypes.byref(channels),
            surrogate,
            address(gradient),
            address(passed),
            address(grad_x),
            address(sums),
        )
        plain, with_normal = sums
        affine = (None, None) if call.norm is None else (with_normal, plain)
        return None, grad_x, None if threshold is None else -plain, *affine
