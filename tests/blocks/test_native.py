"""Units run by kernels against units as they are."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.architecture.canonical import canonical
from bnas.blocks import build, set_progress
from bnas.blocks.native import is_native, native
from bnas.blocks.unit import EAGER
from bnas.blocks.unit import Unit as UnitModule

Gradients = dict[str, Tensor | None]
NONLINEARITIES = ("relu", "hardtanh", "prelu", "rprelu", "prelu2")
PLACEMENTS = ("before-norm", "before-addition", "after-addition")


def designs() -> Iterator[dict[str, Any]]:
    """Every kind of head and of tail."""
    for order in ("sign-conv-norm", "norm-sign-conv"):
        for estimator, threshold in itertools.product(("ste", "approxsign", "rbnn"), (0, 1)):
            yield {
                "order": order,
                "activation_estimator": estimator,
                "threshold": ("fixed", "learnable")[threshold],
            }
        for nonlinearity, placement in itertools.product(NONLINEARITIES, PLACEMENTS):
            if (order, placement) != ("norm-sign-conv", "before-norm"):
                yield {"order": order, "nonlinearity": nonlinearity, "placement": placement}
        yield {"order": order, "shortcut": "block", "nonlinearity": "prelu"}
    yield {
        "order": "norm-sign-conv",
        "activation_levels": "unsigned",
        "activation_estimator": None,
        "threshold": None,
    }
    yield {"attention": "data-driven", "groups": 2, "shuffle": True}
    yield {"padding": "one", "weight_scale": "learned"}


def network(kind: dict[str, Any], width: int = 12) -> nn.Module:
    """Two stages, the second with a projection, whose parameters all have some other value."""
    unit = Unit(**kind)
    stages = (
        Stage(depth=1, width=width, unit=unit),
        Stage(depth=1, width=2 * width, stride=2, unit=unit, downsampling="real-1x1"),
    )
    architecture = Architecture(skeleton="resnet", stem=Stem(width=width), stages=stages)
    model = build(canonical(architecture), num_classes=4, image_size=8)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload, no-any-return]


def units(model: nn.Module) -> list[UnitModule]:
    return [part for part in model.modules() if isinstance(part, UnitModule)]


def results(
    model: nn.Module, *, fast: bool, precision: torch.dtype | None = None
) -> tuple[list[Tensor], Gradients, dict[str, Tensor]]:
    """Outputs in training and in evaluation, sums of their gradients, and the buffers after."""
    model = copy.deepcopy(model)
    for unit in units(model):
        unit.regions = native(EAGER) if fast else EAGER
        unit.precision = precision if unit.binarisation else None
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(5, 3, 8, 8, generator=generator)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    y = model(x)
    y.backward(torch.randn(y.shape, generator=generator))
    scored = model.eval()(x)
    scored.backward(torch.randn(y.shape, generator=generator))
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return [y.detach(), scored.detach()], {**gradients, "x": x.grad}, dict(model.named_buffers())


@pytest.fixture(autouse=True)
def _one_thread(compiler: str) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", [*designs()], ids=lambda kind: "-".join(map(str, kind.values())))
def test_results_are_those_of_the_unit_as_it_is(kind: dict[str, Any]) -> None:
    model = network(kind)
    set_progress(model, 0.5)
    expected, found = results(model, fast=False), results(model, fast=True)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("width", [1, 5, 16, 24, 80])
def test_every_width_is_whole(width: int) -> None:
    """Rows that end within a vector, at its end, and that are joined to whole vectors."""
    model = network({"nonlinearity": "rprelu", "threshold": "learnable"}, width)
    expected, found = results(model, fast=False), results(model, fast=True)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_bfloat16_is_rounded_alike() -> None:
    """Sums are rounded to eight digits in both; gradients are, on the way to a convolution."""
    model = network({"nonlinearity": "rprelu", "threshold": "learnable"})
    expected = results(model, fast=False, precision=torch.bfloat16)
    found = results(model, fast=True, precision=torch.bfloat16)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found[1], expected[1], rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"nonlinearity": "rprelu", "placement": "after-addition"}, True),
        ({"activation_estimator": "signswish", "activation_beta": 5.0}, False),
        ({"activation_estimator": "signswish", "activation_beta": "learnable"}, False),
        ({"activation_estimator": "ede"}, False),
        ({"order": "norm-sign-conv", "attention": "data-driven"}, False),
    ],
)
def test_what_has_kernels(kind: dict[str, Any], expected: bool) -> None:
    found = {is_native(unit) for unit in units(network(kind)) if unit.binarisation}
    assert found == {expected}


@pytest.mark.parametrize("change", ["two threads", "float64", "default layout"])
def test_what_kernels_do_not_know_is_run_as_it_is(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = next(unit for unit in units(network({"nonlinearity": "prelu"})) if unit.binarisation)
    x = torch.randn(2, 12, 8, 8).contiguous(memory_format=torch.channels_last)
    match change:
        case "two threads":
            torch.set_num_threads(2)
        case "float64":
            unit, x = unit.double(), x.double()
        case "default layout":
            unit.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
            x = x.contiguous()
    expected = unit(x)
    unit.regions = native(EAGER)

    def refuse() -> None:
        raise AssertionError("a kernel was asked for")

    for module in ("heads", "tails", "convolution"):
        monkeypatch.setattr(f"bnas.kernels.{module}.load", refuse)
    torch.testing.assert_close(unit(x), expected, rtol=0, atol=0)


def test_a_divergence_is_passed_on() -> None:
    model = network({"nonlinearity": "hardtanh"})
    for unit in units(model):
        unit.regions = native(EAGER)
    y = model(torch.full((2, 3, 8, 8), torch.nan).contiguous(memory_format=torch.channels_last))
    assert y.isnan().all()
