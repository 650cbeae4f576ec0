"""The accelerated forms of a training step against the network as it is."""

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import (
    Architecture,
    Stage,
    Stem,
    Unit,
)
from bnas.blocks import build, decouple, set_progress
from bnas.blocks.unit import EAGER
from bnas.blocks.unit import Unit as UnitModule
from bnas.training import Acceleration
from bnas.training import regions as regions_module
from bnas.training.regions import accelerated, compilation

# What PyTorch's tracing does to PyTorch's own classes, and to gradients that it looks for.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated:DeprecationWarning"),
]

IMAGES = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(6) % 3
LONG = 1e20


def reactnet(width: int = 8, depth: int = 1, **changes: object) -> Architecture:
    settings: dict[str, object] = {
        "activation_estimator": "approxsign",
        "threshold": "learnable",
        "nonlinearity": "rprelu",
        "placement": "after-addition",
    }
    unit = Unit(**settings | changes)  # type: ignore[arg-type]
    stages = (
        Stage(depth=depth, width=width, unit=unit),
        Stage(depth=1, width=2 * width, stride=2, unit=unit, downsampling="real-1x1"),
    )
    return Architecture(skeleton="resnet", stem=Stem(width=width), stages=stages)


DESIGNS = {
    "reactnet": reactnet(),
    "prelu in front": reactnet(nonlinearity="prelu", placement="before-addition"),
    "two slopes": reactnet(nonlinearity="prelu2", activation_estimator="ste"),
    "norm in front": reactnet(order="norm-sign-conv", threshold="fixed", nonlinearity="none"),
    "attention": reactnet(attention="data-driven", order="norm-sign-conv", threshold="fixed"),
    "groups": reactnet(groups=2, shuffle=True, nonlinearity="hardtanh", shortcut="block"),
    "learned sharpness": reactnet(activation_estimator="signswish", activation_beta="learnable"),
    "paired": reactnet(
        activation_levels="paired",
        activation_estimator=None,
        threshold=None,
        order="norm-sign-conv",
    ),
}
every_design = pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)


def network(architecture: Architecture, dtype: torch.dtype = torch.float32) -> nn.Module:
    return build(architecture, num_classes=3, image_size=8).to(dtype).train()


def gradients(model: nn.Module) -> tuple[Tensor, dict[str, Tensor | None]]:
    logits: Tensor = model(IMAGES.to(next(model.parameters()).dtype))
    functional.cross_entropy(logits, LABELS).backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    return logits, found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Regions that are traced, and run by PyTorch's operators; the times that it happened."""
    torch._dynamo.reset()
    traces: list[int] = []

    def trace(graph: torch.fx.GraphModule, _: list[Tensor]) -> object:
        traces.append(1)
        return graph.forward

    found = compilation(dynamic=True, backend=trace)
    monkeypatch.setattr(regions_module, "_compilation", lambda _: found)
    yield traces
    assert found.problem is None
    torch._dynamo.reset()


REGIONS = Acceleration(compile="regions", kernels=False)


@every_design
def test_the_plain_form_has_the_same_results(design: Architecture) -> None:
    model = network(design, torch.float64)
    ours = gradients(model)
    with accelerated(model, Acceleration(plain=True), operations=LONG):
        torch.testing.assert_close(gradients(model), ours)


@every_design
def test_regions_have_the_same_results(design: Architecture, counted: list[int]) -> None:
    model = network(design, torch.float64)
    ours = gradients(copy.deepcopy(model))
    with accelerated(model, REGIONS, operations=0.0):
        torch.testing.assert_close(gradients(model), ours)
    assert counted


def test_no_new_size_depth_or_step_is_traced_again(counted: list[int]) -> None:
    with accelerated(model := network(reactnet()), REGIONS, operations=0.0):
        gradients(model)
    first = len(counted)
    for architecture in (reactnet(12, 3), reactnet(24, 2)):
        model = network(architecture)
        with accelerated(model, REGIONS, operations=0.0):
            for step in range(3):
                set_progress(model, step / 3)
                gradients(model)
    assert len(counted) == first


def test_a_surrogate_that_changes_in_every_step_is_not_traced_again(counted: list[int]) -> None:
    model = network(reactnet(activation_estimator="ede", weight_estimator="ede"))
    lengths = []
    with accelerated(model, REGIONS, operations=0.0):
        for step in range(4):
            set_progress(model, step / 4)
            gradients(model)
            lengths.append(len(counted))
    assert lengths == [lengths[0]] * 4


@every_design
def test_scoring_in_regions_has_the_same_results(design: Architecture, counted: list[int]) -> None:
    model = network(design).eval()
    with torch.no_grad():
        expected = model(IMAGES)
        with accelerated(model, REGIONS, operations=0.0):
            torch.testing.assert_close(model(IMAGES), expected)
    assert counted


def test_no_new_size_or_batch_is_traced_again_in_scoring(counted: list[int]) -> None:
    lengths = []
    for architecture in (reactnet(), reactnet(12, 3), reactnet(24, 2)):
        model = network(architecture).eval()
        with torch.no_grad(), accelerated(model, REGIONS, operations=0.0):
            for images in (IMAGES, IMAGES[:4]):
                model(images)
                lengths.append(len(counted))
    assert lengths == [lengths[0]] * 6


def test_binary_sums_are_exact_in_bfloat16() -> None:
    """72 products of +-1 at most: every sum has few enough digits."""
    model = network(reactnet(weight_scale="none", shortcut="none"))
    expected = model(IMAGES)
    with accelerated(model, Acceleration(precision="bfloat16"), operations=0.0):
        torch.testing.assert_close(model(IMAGES), expected)


@every_design
def test_everything_but_binary_sums_is_float32(design: Architecture) -> None:
    model = network(design)
    with accelerated(model, Acceleration(precision="bfloat16"), operations=0.0):
        logits, found = gradients(model)
    assert logits.dtype == torch.float32
    assert {gradient.dtype for gradient in found.values() if gradient is not None} == {
        torch.float32
    }


def test_what_is_made_from_a_network_runs_as_it_does() -> None:
    design = DESIGNS["paired"]
    model = build(design, num_classes=3, image_size=8, coupled=True)
    with accelerated(model, Acceleration(precision="bfloat16"), operations=0.0):
        decoupled = decouple(model, design, num_classes=3, image_size=8)
    for made in (decoupled, copy.deepcopy(model)):
        units = [part for part in made.modules() if isinstance(part, UnitModule)]
        assert {unit.precision for unit in units} == {torch.bfloat16}


def test_settings_are_put_in_force_anew() -> None:
    model = network(reactnet())
    with accelerated(model, Acceleration(precision="bfloat16"), operations=0.0):
        pass
    without = Acceleration(compile="none", kernels=False)
    with accelerated(model, without, operations=LONG) as found:
        assert found.compilation.regions is EAGER
    units = [part for part in model.modules() if isinstance(part, UnitModule)]
    assert {(unit.precision, unit.regions.tail) for unit in units} == {(None, EAGER.tail)}


def test_units_are_run_as_they_are_where_compiling_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()

    def fail(graph: torch.fx.GraphModule, _: list[Tensor]) -> object:
        raise RuntimeError("no compiler here")

    found = compilation(dynamic=True, backend=fail)
    monkeypatch.setattr(regions_module, "_compilation", lambda _: found)
    model = network(reactnet())
    expected = gradients(copy.deepcopy(model))
    with accelerated(model, REGIONS, operations=0.0) as state:
        torch.testing.assert_close(gradients(model), expected)
    assert state.problem == (
        "units are trained without compilation, which failed: backend='fail' raised: "
        "RuntimeError: no compiler here"
    )


PROGRAM = """
import torch
from bnas.architecture import load_design
from bnas.blocks import build
from bnas.training import Acceleration
from bnas.training.regions import accelerated
model = build(load_design("resnet20-reactnet").architecture, num_classes=10)
images = torch.randn(2, 3, 8, 8)
with accelerated(model, Acceleration(compile="regions", kernels=False), operations=0.0) as found:
    model(images).sum().backward()
print(found.problem)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_without_a_compiler_the_reason_is_said(tmp_path: Path) -> None:
    environment = os.environ | {"CXX": "/nowhere/c++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("units are trained without compilation, which failed: ")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own code, many
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compiled_code_has_the_same_results(precision: str) -> None:
    settings = Acceleration.model_validate(
        {"precision": precision, "compile": "regions", "kernels": False}
    )
    model = network(reactnet())

    def results() -> object:
        copied = copy.deepcopy(model)
        found = gradients(copied)
        with torch.no_grad():
            return found, copied.eval()(IMAGES)

    with accelerated(model, settings.model_copy(update={"compile": "none"}), operations=0.0):
        expected = results()
    with accelerated(model, settings, operations=0.0) as found:
        torch.testing.assert_close(results(), expected, rtol=1e-3, atol=1e-4)
    assert found.problem is None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own code, many
def test_compiled_code_keeps_no_masks() -> None:
    """Of the sign's clip and the ReLU's bend, which the compiler moves one by one."""
    model = network(reactnet(activation_estimator="ste", threshold="fixed", nonlinearity="relu"))
    expected = gradients(copy.deepcopy(model))
    kept: list[torch.dtype] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.dtype)
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with accelerated(model, REGIONS, operations=0.0) as found, hooks:
        torch.testing.assert_close(gradients(model), expected, rtol=1e-3, atol=1e-4)
    assert found.problem is None
    assert set(kept) <= {torch.float32, torch.int64}


@pytest.mark.gpu
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own code, many
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compiled_code_has_the_same_results_on_a_gpu(precision: str) -> None:
    settings = Acceleration.model_validate(
        {"precision": precision, "compile": "regions", "kernels": False}
    )
    model = network(reactnet()).cuda()
    images, labels = IMAGES.cuda(), LABELS.cuda()
    expected = functional.cross_entropy(copy.deepcopy(model)(images), labels)
    with accelerated(model, settings, operations=0.0, device="cuda") as found:
        for _ in range(3):
            loss = functional.cross_entropy(copy.deepcopy(model)(images), labels)
            loss.backward()
            torch.testing.assert_close(loss, expected, rtol=2e-2, atol=2e-2)
    assert found.problem is None
