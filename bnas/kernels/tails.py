"""Norm, non-linearity and addition behind the convolutions of a unit."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bnas.kernels.library import load
from bnas.kernels.norm import Applied, Norm, in_force, norm_kind
from bnas.kernels.tensors import Channels, address, is_half, like, rows, sizes

Placement = Literal["before-norm", "before-addition", "after-addition"]
_PLACEMENTS: Final[dict[Placement | None, int]] = {
    None: 0,
    "before-norm": 1,
    "before-addition": 2,
    "after-addition": 3,
}
_NONE, _BEND, _SHIFTED_BEND, _CLIP = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend:
    """x -> s (x - shift_in) + shift_out, with s = positive where x > shift_in, else negative.

    Attributes:
        negative: (C,); None is 0.
        positive: (C,); None is 1.
        shift_in: (C,); None is 0.
        shift_out: (C,), given if and only if `shift_in` is.
        clips: x -> min(max(x, -1), 1) instead.
    """

    negative: Tensor | None = None
    positive: Tensor | None = None
    shift_in: Tensor | None = None
    shift_out: Tensor | None = None
    clips: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What stands behind the convolutions.

    Attributes:
        norm: None for none.
        bend: The non-linearity; None for none.
        placement: Where it stands; None if and only if there is none. "before-norm" takes a norm.
    """

    norm: Norm | None
    bend: Bend | None
    placement: Placement | None


def tail(y: Tensor, skip: Tensor | None, form: Tail) -> Tensor:
    """Norm, non-linearity and the addition of `skip`, in the order of `form`.

    Args:
        y: (N, C, H, W), float32 or bfloat16.
        skip: (N, C, H, W), float32; None where nothing is added.
        form: What is done.

    Returns:
        (N, C, H, W), float32, channels-last.
    """
    y = rows(y)
    skip = None if skip is None else rows(skip)
    norm, bend = form.norm, form.bend or Bend()
    slopes = (bend.negative, bend.positive, bend.shift_in, bend.shift_out)
    call = _Call(form)
    affine: tuple[Tensor | None, Tensor | None] = (None, None)
    if norm is not None:
        bent = call.channels(*slopes)
        call.norm = in_force(norm, y, placement=call.placement, kind=call.kind, bend=bent)
        affine = (norm.weight, norm.bias)
    result: Tensor = _Tail.apply(call, y, skip, *affine, *slopes)  # type: ignore[no-untyped-call]
    return result


class _Call:
    """How the kernels are called."""

    def __init__(self, form: Tail) -> None:
        bend = form.bend
        self.kind = _NONE
        if bend is not None:
            self.kind = _CLIP if bend.clips else _BEND if bend.shift_in is None else _SHIFTED_BEND
        self.placement = _PLACEMENTS[form.placement]
        self.bends_last = form.placement == "after-addition"
        self.norm: Applied | None = None

    def channels(self, *slopes: Tensor | None) -> Channels:
        values = (*(self.norm.channels if self.norm else (None,) * 4), *slopes)
        return Channels(*map(address, values))

    def operands(
        self, y: Tensor, skip: Tensor | None, slopes: Sequence[Tensor | None]
    ) -> tuple[Any, ...]:
        """What both passes take."""
        return (
            *sizes(y),
            address(y),
            is_half(y),
            address(skip),
            norm_kind(self.norm),
            self.placement,
            self.kind,
            ctypes.byref(self.channels(*slopes)),
        )


class _Tail(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        call: _Call,
        y: Tensor,
        skip: Tensor | None,
        *parameters: Tensor | None,
    ) -> Tensor:
        # Those of a norm are arguments for their gradients; their values are in the call.
        _weight, _bias, *slopes = parameters
        # The sum is needed again where it is bent, and made from the same numbers.
        ctx.save_for_backward(y, skip if call.bends_last else None, *slopes)
        ctx.call = call
        ctx.adds = skip is not None
        out = like(y, torch.float32)
        load().tail_forward(*call.operands(y, skip, slopes), address(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        call: _Call = ctx.call
        y, skip, *slopes = ctx.saved_tensors
        gradient = rows(grad_output)
        grad_sum = like(gradient) if call.bends_last else gradient
        grad_y = like(y)
        sums = torch.empty(6, y.shape[1])
        load().tail_backward(
            *call.operands(y, skip, slopes),
            address(gradient),
            address(grad_sum),
            address(grad_y),
            address(sums),
        )
        below, above, through, incoming, plain, with_normal = sums
        affine = (with_normal, plain) if call.norm is not None else (None, None)
        grad_slopes = (
            grad if slope is not None else None
            for slope, grad in zip(slopes, (below, above, -through, incoming), strict=True)
        )
        return None, grad_y, grad_sum if ctx.adds else None, *affine, *grad_slopes
