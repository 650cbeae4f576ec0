"""Exact quantisers and the one autograd function that gives them a surrogate gradient."""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bnas.estimators.plain import is_plain, quantize_plainly

Quantizer: TypeAlias = Callable[[Tensor], Tensor]
Surrogate: TypeAlias = Callable[..., Tensor]


def sign(x: Tensor) -> Tensor:
    """-1 where x < 0 and +1 elsewhere, at 0.0 and -0.0 too; the one convention of this project.

    Exact for every finite and infinite x. NaN gives a value of +-1: sign cannot pass a divergence
    on, training has to look for it in the loss and the parameters.
    """
    # Adding 0.0 turns -0.0 into 0.0. `torch.where(x >= 0, 1, -1)` takes ten times as long.
    result = x + 0.0
    # Dynamo follows no `out` that lies channels-last, and needs none.
    out = None if torch.compiler.is_compiling() else result
    return torch.copysign(x.new_ones(()), result, out=out)


def binary_step(x: Tensor) -> Tensor:
    """1 where x > 0.5, else 0: activations with levels {0, 1} (BinaryDuo)."""
    return _indicator(x, 0.5)


def ternary_step(x: Tensor) -> Tensor:
    """(1[x > 0.25] + 1[x > 0.75]) / 2: levels {0, 0.5, 1}, BinaryDuo's coupled activation.

    The two indicators are strict, so that the two binary steps of the decoupled network add up to
    the same value; rounding 2x would differ at x = 0.75.
    """
    return _indicator(x, 0.25).add_(_indicator(x, 0.75)).mul_(0.5)


def _indicator(x: Tensor, threshold: float) -> Tensor:
    """1 where x > threshold, else 0, in one vectorised pass; comparing and converting take five."""
    one = x.new_ones(()).expand_as(x)
    result: Tensor = torch.ops.aten.threshold_backward(one, x, threshold)
    return result


def quantize(
    x: Tensor, quantizer: Quantizer, surrogate: Surrogate, sharpness: Tensor | None = None
) -> Tensor:
    """`quantizer(x)` with the gradient of a surrogate.

    Args:
        x: Values of any shape; the only tensor kept for the backward pass, and not as a copy.
        quantizer: The exact forward function.
        surrogate: g, called as g(x), or as g(x, sharpness) where `sharpness` is given. It returns
            a new tensor, which the backward pass then overwrites.
        sharpness: A positive learnable scalar b of a surrogate that is the derivative of
            x -> F(b x). Since dF/dx = b F'(b x) = g and dF/db = x F'(b x), its gradient is
            sum(dL/dy * x * g(x, b)) / b.

    Returns:
        Quantised values of x's shape, type and memory format.
    """
    if is_plain():
        return quantize_plainly(x, quantizer, surrogate, sharpness)
    result: Tensor = _Quantize.apply(x, sharpness, quantizer, surrogate)  # type: ignore[no-untyped-call]
    return result


class _Quantize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, sharpness: Tensor | None, quantizer: Quantizer, surrogate: Surrogate
    ) -> Tensor:
        ctx.save_for_backward(x, sharpness)
        ctx.surrogate = surrogate
        return quantizer(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, sharpness = ctx.saved_tensors
        slope = ctx.surrogate(x) if sharpness is None else ctx.surrogate(x, sharpness)
        # A product of two types is not vectorised, so the gradient is widened first.
        grad_x = slope.mul_(grad_output.to(slope.dtype))
        grad_sharpness = None
        if ctx.needs_input_grad[1]:
            grad_sharpness = (grad_x * x).sum().div_(sharpness).to(sharpness.dtype)
        return grad_x.to(x.dtype), grad_sharpness, None, None
