"""The piecewise linear functions against PyTorch's own and against their formula."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bnas.blocks.slopes import prelu, two_slopes


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def images(dtype: torch.dtype = torch.float32) -> Tensor:
    x = values(3, 4, 5, 6)
    x.view(-1)[::7] = 0.0
    x.view(-1)[1::7] = -0.0
    return x.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()


def two_slopes_formula(x: Tensor, negative: Tensor, positive: Tensor) -> Tensor:
    return torch.where(x > 0, positive.view(-1, 1, 1) * x, negative.view(-1, 1, 1) * x)


def test_prelu_has_the_values_and_gradients_of_torch() -> None:
    x, weight = images(), values(3, 4, 5, 6, seed=1)
    slope = values(4, seed=2).requires_grad_()
    ours = torch.autograd.grad(prelu(x, slope).mul(weight).sum(), (x, slope))
    theirs = torch.autograd.grad(functional.prelu(x, slope).mul(weight).sum(), (x, slope))
    assert torch.equal(prelu(x, slope), functional.prelu(x, slope))
    torch.testing.assert_close(ours, theirs)


def test_two_slopes_have_the_values_and_gradients_of_the_formula() -> None:
    x, weight = images(torch.float64), values(3, 4, 5, 6, seed=1).double()
    slopes = tuple(values(4, seed=seed).double().requires_grad_() for seed in (2, 3))
    ours, theirs = two_slopes(x, *slopes), two_slopes_formula(x, *slopes)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        torch.autograd.grad(ours.mul(weight).sum(), (x, *slopes)),
        torch.autograd.grad(theirs.mul(weight).sum(), (x, *slopes)),
    )


@pytest.mark.parametrize("count", [1, 2])
def test_slopes_stay_in_float32_beside_bfloat16_images(count: int) -> None:
    function: Callable[..., Tensor] = prelu if count == 1 else two_slopes
    x, slopes = images(torch.bfloat16), [values(4, seed=i).requires_grad_() for i in range(count)]
    y = function(x, *slopes)
    y.sum().backward()
    wide = [tensor.detach().float().requires_grad_() for tensor in (x, *slopes)]
    function(*wide).sum().backward()
    assert y.dtype == torch.bfloat16
    for half, full in zip((x, *slopes), wide, strict=True):
        assert half.grad is not None
        assert half.grad.dtype == half.dtype
        torch.testing.assert_close(half.grad.float(), full.grad, rtol=2e-2, atol=2e-2)


def test_results_and_gradients_are_channels_last() -> None:
    x, slope = images(), values(4).requires_grad_()
    for y in (prelu(x, slope), two_slopes(x, slope, slope)):
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert y.is_contiguous(memory_format=torch.channels_last)
        assert gradient.is_contiguous(memory_format=torch.channels_last)
