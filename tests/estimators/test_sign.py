"""The exact forward functions, and the autograd function that they share."""

import math

import pytest
import torch
from torch import Tensor

from bnas.estimators import binary_step, quantize, sign, surrogates, ternary_step
from bnas.estimators.sign import Quantizer

TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
every_type = pytest.mark.parametrize("dtype", TYPES)


def smallest(dtype: torch.dtype) -> Tensor:
    return torch.nextafter(torch.tensor(0.0, dtype=dtype), torch.tensor(1.0, dtype=dtype))


@every_type
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_sign_is_exact_for_zeros_subnormals_and_infinities(dtype: torch.dtype, device: str) -> None:
    tiny = smallest(dtype).item()
    x = torch.tensor([0.0, -0.0, tiny, -tiny, 1.0, -1.0, math.inf, -math.inf], dtype=dtype)
    x = x.to(device)
    assert sign(x).tolist() == [1, 1, 1, -1, 1, -1, 1, -1]
    assert sign(x).dtype == dtype


def test_sign_equals_a_comparison_on_random_values() -> None:
    x = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sign(x), torch.where(x >= 0, 1.0, -1.0))


def test_sign_of_nan_is_one_of_its_values() -> None:
    assert sign(torch.tensor([math.nan, -math.nan])).abs().tolist() == [1, 1]


@every_type
def test_binary_step_is_strict_at_its_threshold(dtype: torch.dtype) -> None:
    half, one = torch.tensor([0.5, 1.0], dtype=dtype)
    x = torch.stack([half, torch.nextafter(half, one), -one, 0 * one, one, 3 * one])
    assert binary_step(x).tolist() == [0, 1, 0, 0, 1, 1]
    assert binary_step(x).dtype == dtype


@every_type
def test_ternary_step_is_strict_at_both_thresholds(dtype: torch.dtype) -> None:
    x = torch.tensor([-1, 0.25, 0.26, 0.5, 0.75, 0.76, 2], dtype=dtype)
    assert ternary_step(x).tolist() == [0, 0, 0.5, 0.5, 0.5, 1, 1]


def test_ternary_step_is_the_mean_of_two_shifted_binary_steps() -> None:
    x = torch.linspace(-1, 2, 3001, dtype=torch.float64) + 1e-5
    assert torch.equal(ternary_step(x), (binary_step(x + 0.25) + binary_step(x - 0.25)) / 2)


def test_quantize_multiplies_the_gradient_by_the_surrogate() -> None:
    x = torch.linspace(-2, 2, 41, requires_grad=True)
    weight = torch.linspace(3, -5, 41)
    quantize(x, sign, surrogates.approx_sign).mul(weight).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, surrogates.approx_sign(x.detach()) * weight)


def test_quantize_keeps_nothing_but_its_input_for_the_backward_pass() -> None:
    x = torch.randn(64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    saved: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, keep):
        quantize(x, sign, surrogates.approx_sign)
    assert [tensor.data_ptr() for tensor in saved] == [x.data_ptr()]


@pytest.mark.parametrize("beta", [0.5, 5.0, 20.0])
def test_gradient_of_the_sharpness_is_that_of_the_forward_function(beta: float) -> None:
    x = torch.linspace(-2, 2, 401, dtype=torch.float64)
    weight = torch.sin(7 * x) + x
    learned = torch.tensor(beta, dtype=torch.float64, requires_grad=True)
    quantize(x, sign, surrogates.sign_swish, learned).mul(weight).sum().backward()

    smooth = torch.tensor(beta, dtype=torch.float64, requires_grad=True)
    logistic = torch.sigmoid(smooth * x)
    swish = 2 * logistic * (1 + smooth * x * (1 - logistic)) - 1
    swish.mul(weight).sum().backward()
    assert learned.grad is not None
    assert smooth.grad is not None
    assert learned.grad.item() == pytest.approx(smooth.grad.item(), rel=1e-9)


def test_second_derivatives_are_refused() -> None:
    x, factor = torch.ones(2, 3, requires_grad=True)
    loss = quantize(x, sign, surrogates.approx_sign).mul(factor).sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    message = "trying to differentiate twice a function that was marked with @once_differentiable"
    with pytest.raises(RuntimeError, match=f"^{message}$"):
        gradient.sum().backward()


@pytest.mark.parametrize("quantizer", [sign, binary_step, ternary_step])
def test_quantizers_keep_the_memory_format_and_work_on_meta(quantizer: Quantizer) -> None:
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=torch.channels_last)
    assert quantizer(x).is_contiguous(memory_format=torch.channels_last)
    assert quantizer(x.to("meta")).shape == (2, 3, 4, 5)
