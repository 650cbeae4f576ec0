"""Each surrogate against a NumPy twin of its paper's formula, at and beside every kink."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch

from bnas.estimators import surrogates

Array: TypeAlias = Any  # arrays of float64, and the scalars that NumPy makes of them


def ste_twin(x: Array, low: float, high: float) -> Array:
    return np.where((x >= low) & (x <= high), 1.0, 0.0)


def approx_sign_twin(x: Array) -> Array:
    return np.where(x < 0, 2 + 2 * x, 2 - 2 * x) * (np.abs(x) < 1)


def sign_swish_twin(x: Array, beta: float) -> Array:
    u = np.clip(beta * x, -700, 700)
    return beta * (2 - u * np.tanh(u / 2)) / (1 + np.cosh(u))


def ede_twin(x: Array, t: float) -> Array:
    return max(1 / t, 1) * t * (1 - np.tanh(t * x) ** 2)


def rbnn_twin(x: Array, t: float, k: float) -> Array:
    return k * np.maximum(0, math.sqrt(2) * t - t**2 * np.abs(x))


def reste_twin(x: Array, o: float) -> Array:
    distance = np.abs(x)
    inner = np.float32(0.1)  # compared in the precision of the computation
    with np.errstate(divide="ignore"):
        outer = (1 / o) * distance ** ((1 - o) / o)
    return np.where(distance <= inner, 0.1 ** (1 / o - 1), np.where(distance <= 1.5, outer, 0))


def dsq_twin(x: Array, a: float) -> Array:
    k, s = 0.5 * math.log(2 / a - 1), 1 / (1 - a)
    return np.where(np.abs(x) <= 1, s * k * (1 - np.tanh(k * x) ** 2), 0)


def fda_twin(x: Array, n: int, w: float) -> Array:
    terms = [np.cos((2 * i + 1) * w * x) for i in range(n + 1)]
    return np.where(np.abs(x) <= 1, 4 * w / np.pi * np.sum(terms, axis=0), 0)


@dataclass(frozen=True)
class Case:
    name: str
    surrogate: Callable[[torch.Tensor], torch.Tensor]
    twin: Callable[[Array], Array]
    kinks: tuple[float, ...]
    integral: float | None = None


def case(
    name: str,
    twin: Callable[..., Array],
    kinks: tuple[float, ...],
    integral: float | None = None,
    **settings: float,
) -> Case:
    label = ",".join([name, *(f"{key}={value:g}" for key, value in settings.items())])
    surrogate = partial(getattr(surrogates, name), **settings)
    return Case(label, surrogate, partial(twin, **settings), kinks, integral)


CASES = [
    *(
        case("clipped_identity", ste_twin, (c,), 2 * c, low=-c, high=c)
        for c in (0.75, 1.0, 1.5, 3.0)
    ),
    case("clipped_identity", ste_twin, (0.0, 1.0), 1.0, low=0.0, high=1.0),
    case("approx_sign", approx_sign_twin, (0.0, 1.0), 2.0),
    *(case("sign_swish", sign_swish_twin, (2.4 / b,), 2.0, beta=b) for b in (1.0, 5.0, 10.0, 20.0)),
    *(case("ede", ede_twin, (), 2.0, t=t) for t in (1.0, 3.3, 10.0)),
    *(case("ede", ede_twin, (), t=t) for t in (1e-3, 0.1, 0.5)),
    *(case("rbnn", rbnn_twin, (math.sqrt(2) / t,), 2.0, t=t, k=1.0) for t in (1.0, 4.0, 10.0)),
    case("rbnn", rbnn_twin, (math.sqrt(2) / 0.5,), 4.0, t=0.5, k=2.0),
    case("rbnn", rbnn_twin, (), t=0.01, k=100.0),
    *(case("reste", reste_twin, (0.0, 0.1, 1.5), o=o) for o in (1.0, 1.7, 3.0)),
    *(case("dsq", dsq_twin, (0.0, 1.0), 2.0, a=a) for a in (0.9, 0.5, 0.05)),
    *(case("fda", fda_twin, (0.0, 1.0), n=n, w=0.1) for n in (0, 9, 18)),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
both_types = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def grid(kinks: tuple[float, ...], dtype: torch.dtype) -> torch.Tensor:
    """Points of `dtype`: even ones, every kink of either sign, and its neighbours in `dtype`."""
    at = torch.tensor([sign * kink for kink in (0.0, *kinks) for sign in (1, -1)], dtype=dtype)
    up, down = torch.tensor(math.inf, dtype=dtype), torch.tensor(-math.inf, dtype=dtype)
    beside = [torch.nextafter(at, up), torch.nextafter(at, down)]
    return torch.cat([torch.linspace(-4, 4, 801).to(dtype), at, *beside])


@each_case
@both_types
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_surrogate_equals_its_formula(case: Case, dtype: torch.dtype, device: str) -> None:
    x = grid(case.kinks, dtype)
    expected = case.twin(x.double().numpy())
    # ApproxSign alone answers in half precision, with one rounding of at most 2^-9.
    rounding = 2**-8 if case.name == "approx_sign" and dtype == torch.bfloat16 else 1e-5
    slope = case.surrogate(x.to(device)).cpu()
    np.testing.assert_allclose(
        slope.double().numpy(), expected, rtol=rounding, atol=2e-6 * np.abs(expected).max()
    )


@each_case
def test_surrogate_is_exact_in_double_precision(case: Case) -> None:
    x = torch.linspace(-3.999, 4, 997, dtype=torch.float64)
    expected = case.twin(x.numpy())
    np.testing.assert_allclose(
        case.surrogate(x).numpy(), expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max()
    )


@pytest.mark.parametrize("case", [c for c in CASES if c.integral], ids=lambda case: case.name)
def test_surrogate_integrates_to_the_step(case: Case) -> None:
    x = torch.linspace(-40, 40, 1_600_001, dtype=torch.float64)
    integral = torch.trapezoid(case.surrogate(x), x).item()
    assert integral == pytest.approx(case.integral, abs=2e-4)


@pytest.mark.parametrize("case", [c for c in CASES if "low=0" not in c.name], ids=lambda c: c.name)
def test_surrogate_of_sign_is_even(case: Case) -> None:
    x = torch.linspace(0, 4, 401)
    assert torch.equal(case.surrogate(x), case.surrogate(-x))


@each_case
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_surrogate_is_finite_for_every_finite_input(case: Case, dtype: torch.dtype) -> None:
    precision = torch.finfo(dtype)
    x = torch.tensor([precision.tiny, 1e-7, 5.0, 90.0, 800.0, 6e4, precision.max], dtype=dtype)
    assert case.surrogate(torch.cat([x, -x])).isfinite().all()


@each_case
@both_types
def test_surrogate_leaves_its_input_and_the_layout_alone(case: Case, dtype: torch.dtype) -> None:
    x = torch.linspace(-2, 2, 2 * 3 * 4 * 5).view(2, 3, 4, 5).to(dtype)
    x = x.contiguous(memory_format=torch.channels_last)
    before = x.clone()
    slope = case.surrogate(x)
    assert torch.equal(x, before)
    assert slope.shape == x.shape
    assert slope.is_contiguous(memory_format=torch.channels_last)
    assert slope.data_ptr() != x.data_ptr()


@pytest.mark.parametrize("clip", [0.1, 0.3, 1.3, 1.7])
@both_types
def test_clip_bound_counts_as_inside_in_the_precision_of_the_input(
    clip: float, dtype: torch.dtype
) -> None:
    bound = torch.tensor(clip, dtype=dtype)
    beyond = torch.nextafter(bound, torch.tensor(math.inf, dtype=dtype))
    x = torch.stack([bound, -bound, beyond, -beyond])
    assert surrogates.clipped_identity(x, -clip, clip).tolist() == [1, 1, 0, 0]


def test_reste_jumps_by_its_exponent_at_the_interval() -> None:
    x = torch.tensor([0.1, math.nextafter(0.1, 1) + 1e-8])
    inner, outer = surrogates.reste(x, 3.0).tolist()
    assert inner / outer == pytest.approx(3, rel=1e-5)


def test_sign_swish_is_negative_beyond_its_zeros() -> None:
    x = torch.tensor([2.3, 2.5]) / 5
    inner, outer = surrogates.sign_swish(x, 5.0).tolist()
    assert inner > 0 > outer


def test_sign_swish_is_the_derivative_of_its_forward_function() -> None:
    x = torch.linspace(-3, 3, 61, dtype=torch.float64, requires_grad=True)
    logistic = torch.sigmoid(5 * x)
    (2 * logistic * (1 + 5 * x * (1 - logistic)) - 1).sum().backward()
    torch.testing.assert_close(surrogates.sign_swish(x.detach(), 5.0), x.grad)


def test_identity_passes_everything() -> None:
    assert surrogates.identity(torch.tensor([-9.0, 0.0, 9.0])).tolist() == [1, 1, 1]
