"""The hand-written gradients against PyTorch's own differentiation of the textbook's form."""

import pytest
import torch
from torch import Tensor

from bnas.estimators import (
    ESTIMATORS,
    WEIGHT_ESTIMATORS,
    Estimator,
    make,
    ternary_activations,
    unsigned_activations,
)
from bnas.estimators.plain import is_plain, plain_gradients


def every_estimator() -> dict[str, Estimator]:
    found = {"unsigned": unsigned_activations(), "ternary": ternary_activations()}
    beta = {"signswish": 5.0}
    for tag in ESTIMATORS:
        found[tag] = make(tag, "activations", beta.get(tag))
    for tag in WEIGHT_ESTIMATORS:
        found[f"{tag} of weights"] = make(tag, "weights", beta.get(tag))
    return found | {"learned sharpness": make("signswish", "activations", "learnable")}


def gradients(estimator: Estimator, x: Tensor, factor: Tensor) -> tuple[Tensor, ...]:
    values = estimator(x)
    wanted = [x, *estimator.parameters()]
    return values, *torch.autograd.grad(values.mul(factor).sum(), wanted)


@pytest.mark.parametrize("estimator", every_estimator().values(), ids=every_estimator())
@pytest.mark.parametrize("progress", [0.0, 0.6])
def test_every_estimator_equals_its_plain_form(estimator: Estimator, progress: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 5, 3, 3, generator=generator, dtype=torch.float64).requires_grad_()
    factor = torch.randn(6, 5, 3, 3, generator=generator, dtype=torch.float64)
    estimator.set_progress(progress)
    ours = gradients(estimator, x, factor)
    with plain_gradients():
        plain = gradients(estimator, x, factor)
    torch.testing.assert_close(ours, plain)


def test_the_plain_form_ends_with_its_context() -> None:
    with plain_gradients():
        assert is_plain()
    assert not is_plain()
