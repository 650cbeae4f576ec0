"""What every estimator keeps, whatever its tag."""

import copy
import math
import pickle
import re
from typing import TypeAlias, get_args

import pytest
import torch
from torch import Tensor, nn

from bnas.architecture import model
from bnas.errors import InvalidConfiguration
from bnas.estimators import (
    ESTIMATORS,
    WEIGHT_ESTIMATORS,
    Beta,
    Estimator,
    Operand,
    ReCU,
    make,
    set_progress,
    sign,
    surrogates,
    ternary_activations,
    unsigned_activations,
)

Choice: TypeAlias = tuple[str, Beta | None]

BETAS: tuple[Beta, ...] = (5, 10.0, 20.0, 0.7, "learnable")
CHOICES: list[Choice] = [
    *((tag, None) for tag in ESTIMATORS if tag != "signswish"),
    *(("signswish", beta) for beta in BETAS),
]


@pytest.fixture(params=CHOICES, ids=lambda choice: f"{choice[0]}-{choice[1]}")
def choice(request: pytest.FixtureRequest) -> Choice:
    result: Choice = request.param
    return result


@pytest.fixture(params=get_args(Operand))
def operand(request: pytest.FixtureRequest) -> Operand:
    result: Operand = request.param
    return result


@pytest.fixture
def estimator(choice: Choice, operand: Operand) -> Estimator:
    tag, beta = choice
    return make(tag, operand, beta)


def images(dtype: torch.dtype = torch.float32) -> Tensor:
    x = torch.randn(4, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    x.view(-1)[:2] = torch.tensor([0.0, -0.0])
    return x.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()


def test_table_holds_exactly_the_architectures_tags() -> None:
    assert set(ESTIMATORS) == set(get_args(model.Estimator))
    assert set(WEIGHT_ESTIMATORS) == {*ESTIMATORS, "recu"}


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_forward_is_sign_and_backward_is_finite(
    estimator: Estimator, progress: float, dtype: torch.dtype
) -> None:
    estimator.set_progress(progress)
    x = images(dtype)
    y = estimator(x)
    y.sum().backward()
    assert torch.equal(y, sign(x.detach()))
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert x.grad is not None
    assert x.grad.dtype == dtype
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0


def test_gradient_in_bfloat16_is_the_rounded_one_of_float32(estimator: Estimator) -> None:
    half, full = images(torch.bfloat16), images(torch.bfloat16).detach().float().requires_grad_()
    weight = torch.linspace(-1, 1, full.numel()).view_as(full).bfloat16()
    estimator.set_progress(0.6)
    estimator(half).mul(weight).sum().backward()
    estimator(full).mul(weight.float()).sum().backward()
    assert half.grad is not None
    # One rounding of the result; ApproxSign's slope is rounded before as well.
    torch.testing.assert_close(half.grad.float(), full.grad, rtol=2**-7, atol=1e-30)


def test_forward_and_backward_survive_huge_inputs(estimator: Estimator) -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        largest = torch.finfo(dtype).max
        x = torch.tensor([largest, -largest, 1e4, -1e4], dtype=dtype, requires_grad=True)
        y = estimator(x)
        y.sum().backward()
        assert y.tolist() == [1, -1, 1, -1]
        assert x.grad is not None
        assert x.grad.tolist() == [0, 0, 0, 0] or x.grad.isfinite().all()


def test_progress_may_be_told_again_and_backwards(estimator: Estimator) -> None:
    x = images()
    slopes = []
    for progress in (0.2, 1.0, 0.2):
        estimator.set_progress(progress)
        (gradient,) = torch.autograd.grad(estimator(x).sum(), x)
        slopes.append(gradient)
    assert torch.equal(slopes[0], slopes[2])


def test_global_random_state_stays_untouched(choice: Choice, operand: Operand) -> None:
    before = torch.random.get_rng_state()
    make(choice[0], operand, choice[1])(images()).sum().backward()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_estimator_can_be_copied_pickled_and_moved_to_meta(estimator: Estimator) -> None:
    x = images()
    estimator.set_progress(0.5)
    (expected,) = torch.autograd.grad(estimator(x).sum(), x)
    for twin in (copy.deepcopy(estimator), pickle.loads(pickle.dumps(estimator))):  # noqa: S301
        (gradient,) = torch.autograd.grad(twin(x).sum(), x)
        assert torch.equal(gradient, expected)
    assert estimator.to("meta")(x.detach().to("meta")).shape == x.shape


@pytest.mark.parametrize("progress", [-0.01, 1.01, math.nan])
def test_progress_outside_the_unit_interval_is_refused(
    estimator: Estimator, progress: float
) -> None:
    message = (
        f"progress must lie in [0, 1], but got progress={progress!r}; "
        "pass the finished share of training"
    )
    with pytest.raises(InvalidConfiguration, match=f"^{re.escape(message)}$"):
        estimator.set_progress(progress)


def test_set_progress_reaches_every_estimator_of_a_module() -> None:
    outer, inner = make("ede", "weights"), make("dsq", "weights")
    set_progress(nn.Sequential(outer, nn.ModuleDict({"inner": inner})), 1.0)
    x = images()
    for part, slope in [
        (outer, surrogates.ede(x.detach(), 10.0)),
        (inner, surrogates.dsq(x.detach(), 0.05)),
    ]:
        (gradient,) = torch.autograd.grad(part(x).sum(), x)
        torch.testing.assert_close(gradient, slope)


def test_set_progress_checks_even_without_estimators() -> None:
    message = "progress must lie in [0, 1], but got progress=2; pass the finished share of training"
    with pytest.raises(InvalidConfiguration, match=f"^{re.escape(message)}$"):
        set_progress(nn.Identity(), 2)


def test_rbnn_treats_activations_and_weights_differently() -> None:
    x = images()
    slopes = [torch.autograd.grad(make("rbnn", o)(x).sum(), x)[0] for o in get_args(Operand)]
    torch.testing.assert_close(slopes[0], surrogates.rbnn(x.detach(), t=1.0, k=1.0))
    torch.testing.assert_close(slopes[1], surrogates.rbnn(x.detach(), t=0.01, k=100.0))


def test_learnable_beta_is_one_positive_scalar_that_learns() -> None:
    estimator = make("signswish", "activations", "learnable")
    ((name, parameter),) = estimator.named_parameters()
    assert name == "log_sharpness"
    assert parameter.exp().item() == pytest.approx(5)
    estimator(images()).mul(images()).sum().backward()
    assert parameter.grad is not None
    assert parameter.grad.abs() > 0


def test_only_a_learnable_beta_has_parameters(estimator: Estimator, choice: Choice) -> None:
    assert len(list(estimator.parameters())) == (choice[1] == "learnable")


@pytest.mark.parametrize(
    ("tag", "operand", "others"),
    [("stee", "weights", ", recu"), ("stee", "activations", ""), ("recu", "activations", "")],
)
def test_unknown_tag_is_refused(tag: str, operand: Operand, others: str) -> None:
    message = (
        "an estimator must be one of ste, approxsign, signswish, ede, rbnn, reste, dsq, fda"
        f"{others}, but got estimator={tag!r}; take one of these"
    )
    with pytest.raises(InvalidConfiguration, match=f"^{re.escape(message)}$"):
        make(tag, operand)


def test_recu_has_no_beta() -> None:
    message = (
        "beta belongs to the estimator 'signswish', but got beta=5 with estimator='recu'; "
        "leave it out"
    )
    with pytest.raises(InvalidConfiguration, match=f"^{re.escape(message)}$"):
        make("recu", "weights", 5)


@pytest.mark.parametrize("beta", [None, 0, -1.0, math.inf, math.nan, "fixed"])
def test_sign_swish_without_a_positive_beta_is_refused(beta: Beta | None) -> None:
    message = (
        f"the estimator 'signswish' needs a positive beta, but got beta={beta!r}; "
        "give a number such as 5, or 'learnable'"
    )
    with pytest.raises(InvalidConfiguration, match=f"^{re.escape(message)}$"):
        make("signswish", "weights", beta)


def test_beta_of_another_estimator_is_refused() -> None:
    message = (
        "beta belongs to the estimator 'signswish', but got beta=5.0 with estimator='ede'; "
        "leave it out"
    )
    with pytest.raises(InvalidConfiguration, match=f"^{re.escape(message)}$"):
        make("ede", "weights", 5.0)


def test_unit_interval_activations_pass_the_gradient_inside_the_clip_alone() -> None:
    x = torch.tensor([-0.1, 0.0, 0.3, 0.5, 0.6, 0.8, 1.0, 1.1], requires_grad=True)
    for estimator, levels in [
        (unsigned_activations(), [0, 0, 0, 0, 1, 1, 1, 1]),
        (ternary_activations(), [0, 0, 0.5, 0.5, 0.5, 1, 1, 1]),
    ]:
        y = estimator(x)
        assert y.tolist() == levels
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert gradient.tolist() == [0, 1, 1, 1, 1, 1, 1, 0]


class TestReCU:
    def weight(self) -> Tensor:
        generator = torch.Generator().manual_seed(3)
        return torch.randn(6, 4, 3, 3, generator=generator).add_(0.2).requires_grad_()

    def test_forward_is_the_sign_of_the_centred_weights(self) -> None:
        weight = self.weight()
        centred = weight.detach() - weight.detach().mean((1, 2, 3), keepdim=True)
        assert torch.equal(ReCU()(weight), sign(centred))

    @pytest.mark.parametrize(("progress", "tau"), [(0.0, 0.85), (1.0, 0.99)])
    def test_revived_weights_follow_the_formula(self, progress: float, tau: float) -> None:
        weight = self.weight()
        w = weight.detach().double().flatten(1).numpy()
        w = (w - w.mean(1, keepdims=True)) / (w.var(1, ddof=1, keepdims=True) + 1e-5) ** 0.5
        w *= 2 * 2**0.5
        bound = -abs(w).mean() * math.log(2 - 2 * tau)
        estimator = ReCU()
        estimator.set_progress(progress)
        expected = torch.from_numpy(w.clip(-bound, bound)).view_as(weight).float()
        torch.testing.assert_close(estimator.revived(weight).detach(), expected)

    def test_gradient_is_that_of_standardising_and_clamping_to_a_constant(self) -> None:
        weight, factor = self.weight(), torch.linspace(-1, 1, 216).view(6, 4, 3, 3)
        (gradient,) = torch.autograd.grad(ReCU()(weight).mul(factor).sum(), weight)
        mean = weight.mean((1, 2, 3), keepdim=True)
        variance = (weight - mean).square().sum((1, 2, 3), keepdim=True) / 35
        w = (weight - mean) / (variance + 1e-5).sqrt() * 8**0.5
        bound = -w.abs().mean().item() * math.log(2 - 2 * 0.85)
        (expected,) = torch.autograd.grad(w.clamp(-bound, bound).mul(factor).sum(), weight)
        torch.testing.assert_close(gradient, expected)


def test_recu_revives_filters_of_a_single_weight() -> None:
    weight = torch.tensor([-2.0, 0.5, 1.0]).view(3, 1, 1, 1).requires_grad_()
    binary = make("recu", "weights")(weight)
    binary.sum().backward()
    assert binary.flatten().tolist() == [-1, 1, 1]
    assert weight.grad is not None
    assert weight.grad.isfinite().all()
