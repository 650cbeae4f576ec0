"""What is measured of a network's health, against NumPy, and without a trace in the training."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.blocks import BinaryConv2d, build
from bnas.blocks.precision import set_weights
from bnas.blocks.unit import Regions
from bnas.blocks.unit import Unit as UnitModule
from bnas.data.memory import SearchData
from bnas.estimators import WEIGHT_ESTIMATORS, Beta, Estimator, make, unsigned_activations
from bnas.training import Recipe, course
from bnas.training.curve import LayerHealth
from bnas.training.health import (
    Monitor,
    constant_channels,
    flips,
    idle_filters,
    lost_gradients,
    movement,
    probe,
)
from bnas.training.loop import EpochResult, Training, train

UNIT = Unit(threshold="learnable", nonlinearity="prelu", placement="after-addition")
DESIGN = Architecture(
    skeleton="resnet",
    stem=Stem(width=8),
    stages=(
        Stage(depth=1, width=8, unit=UNIT),
        Stage(depth=1, width=16, stride=2, widening="convolution", downsampling="binary-1x1"),
    ),
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def begun(data: SearchData, recipe: Recipe) -> Training:
    return course.begin(DESIGN, recipe, facts=data.facts, seed=0)


def by_name(layers: tuple[LayerHealth, ...]) -> dict[str, LayerHealth]:
    return {layer.layer: layer for layer in layers}


def test_flips_and_movement_equal_their_formulas() -> None:
    before, after = random(4, 3, 3, 3), random(4, 3, 3, 3, seed=1)
    signs = make("ste", "weights")
    x, y = before.numpy(), after.numpy()
    assert flips(signs(before), signs(after)) == pytest.approx(np.mean((x >= 0) != (y >= 0)))
    assert movement(before, after) == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x))
    assert movement(before, before) == 0
    assert movement(torch.zeros(3), torch.ones(3)) == float("inf")


def test_constant_channels_are_those_with_one_value() -> None:
    x_NCHW = random(5, 4, 3, 3).sign()
    x_NCHW[:, 1] = 1
    x_NCHW[:, 3] = -1
    assert constant_channels(x_NCHW) == 0.5
    x_NCHW[4, 1, 2, 2] = -1
    assert constant_channels(x_NCHW.contiguous(memory_format=torch.channels_last)) == 0.25


def test_idle_filters_are_those_without_gradient() -> None:
    gradient = random(8, 2, 3, 3)
    gradient[[1, 4, 6]] = 0
    gradient[7, 0] = 0
    assert idle_filters(gradient) == 3 / 8


@pytest.mark.parametrize(
    ("tag", "is_lost"),
    [
        ("ste", lambda x: np.abs(x) > 1),
        ("approxsign", lambda x: 2 - 2 * np.abs(x) < 0.02),
        ("dsq", lambda x: (np.abs(x) > 1) | (1 - np.tanh(np.log(3) / 2 * x) ** 2 < 0.01)),
        ("ede", lambda x: 1 - np.tanh(0.1 * x) ** 2 < 0.01),
        ("fda", lambda x: np.abs(x) > 1),
        ("reste", lambda x: np.abs(x) > 1.5),
        ("rbnn", lambda x: np.sqrt(2) - np.abs(x) < 0.01 * np.sqrt(2)),
    ],
)
def test_lost_gradients_equal_the_surrogate(tag: str, is_lost: object) -> None:
    x = 30 * random(3, 4, 10, 10)
    assert callable(is_lost)
    expected = np.mean(is_lost(x.numpy().astype(np.float64)))
    assert 0 < expected < 1
    assert lost_gradients(make(tag, "activations"), x) == pytest.approx(expected, abs=1e-6)


def test_lost_gradients_of_signswish_leave_its_negative_part_in() -> None:
    x = 2 * random(3, 4, 10, 10)
    z = 5 * x.numpy().astype(np.float64)
    slope = 5 * (2 - z * np.tanh(z / 2)) / (1 + np.cosh(z))
    expected = np.mean(np.abs(slope) < 0.01 * 5)
    betas: tuple[Beta, ...] = (5.0, "learnable")
    for beta in betas:
        estimator = make("signswish", "weights", beta)
        assert lost_gradients(estimator, x) == pytest.approx(expected, abs=1e-6)
        assert all(p.grad is None for p in estimator.parameters())


def test_lost_gradients_of_steps_are_outside_of_their_interval() -> None:
    x = random(3, 4, 10, 10)
    expected = np.mean((x.numpy() < 0) | (x.numpy() > 1))
    assert lost_gradients(unsigned_activations(), x) == pytest.approx(expected)


def test_lost_gradients_of_recu_are_the_clamped_weights() -> None:
    weight = random(6, 4, 3, 3)
    w = weight.numpy().astype(np.float64)
    centred = w - w.mean((1, 2, 3), keepdims=True)
    scaled = centred / w.std((1, 2, 3), keepdims=True, ddof=1) * 2 * np.sqrt(2)
    bound = -np.abs(scaled).mean() * np.log(2 - 2 * 0.85)
    expected = np.mean(np.abs(scaled) > bound)
    assert 0.1 < expected < 0.5
    assert lost_gradients(make("recu", "weights"), weight) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("tag", WEIGHT_ESTIMATORS)
def test_every_estimator_can_be_measured(tag: str) -> None:
    beta = 5.0 if tag == "signswish" else None
    assert 0 <= lost_gradients(make(tag, "weights", beta), random(4, 3, 3, 3)) <= 1


def test_every_layer_is_measured(data: SearchData, recipe: Recipe) -> None:
    training = begun(data, recipe)
    monitor = Monitor(training.model, probe(data.train))
    before = {name: p.detach().clone() for name, p in training.model.named_parameters()}
    next(train(training, data.train, recipe, epochs=4))
    found = by_name(monitor.measure(training.model))

    parts = {layer.part: set[str]() for layer in found.values()}
    for layer in found.values():
        parts[layer.part].add(layer.layer)
    units = [f"stage{stage}.block1.unit{unit}" for stage in (1, 2) for unit in (1, 2)]
    shortcut = "stage2.block1.unit1.shortcut"
    assert parts == {
        "real-weights": {"stem.conv", "classifier"},
        "binary-weights": {*(f"{unit}.conv" for unit in units), f"{shortcut}.conv"},
        "activations": {*(f"{unit}.sign" for unit in units), f"{shortcut}.sign"},
    }
    for name in (*parts["real-weights"], *parts["binary-weights"]):
        module = training.model.get_submodule(name)
        assert isinstance(module.weight, Tensor)
        assert module.weight.grad is not None
        x, y = before[f"{name}.weight"].numpy(), module.weight.detach().numpy()
        gradient = module.weight.grad.numpy()
        layer = found[name]
        assert layer.size == x.size
        assert layer.movement == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-5)
        assert layer.gradient == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
        assert layer.dead == np.mean((gradient.reshape(len(gradient), -1) == 0).all(1))
        if layer.part == "binary-weights":
            assert layer.flips == pytest.approx(np.mean((x >= 0) != (y >= 0)))
            assert layer.saturated == pytest.approx(np.mean(np.abs(y) > 1))


def test_activations_are_those_of_the_network_in_use(data: SearchData, recipe: Recipe) -> None:
    training = begun(data, recipe)
    next(train(training, data.train, recipe, epochs=4))
    images_NHWC = probe(data.train, 20)
    found = by_name(Monitor(training.model, images_NHWC).measure(training.model))
    unit = training.model.get_submodule("stage1.block1.unit1")
    with torch.no_grad():
        training.model.eval()
        stem: Tensor = training.model.get_submodule("stem")(images_NHWC.permute(0, 3, 1, 2))
        x = unit.get_submodule("threshold")(stem).numpy()
    layer = found["stage1.block1.unit1.sign"]
    assert layer.saturated == pytest.approx(np.mean(np.abs(x) > 1))
    signs = (x >= 0).transpose(1, 0, 2, 3).reshape(8, -1)
    assert layer.dead == np.mean(signs.all(1) | ~signs.any(1))
    assert layer.size == 8


def test_compiled_networks_are_measured_as_they_are(data: SearchData, recipe: Recipe) -> None:
    def refuse(*_: object) -> Any:
        raise AssertionError("compiled regions call no hooks")

    training = begun(data, recipe)
    monitor = Monitor(training.model, probe(data.train))
    expected = monitor.measure(training.model)
    units = [part for part in training.model.modules() if isinstance(part, UnitModule)]
    compiled = Regions(head=refuse, tail=refuse)
    for unit in units:
        unit.regions = compiled
    assert monitor.measure(training.model) == expected
    assert all(unit.regions is compiled for unit in units)


@pytest.mark.usefixtures("untouched_global_random")
def test_measuring_changes_no_bit_of_the_training(data: SearchData, recipe: Recipe) -> None:
    def trained(*, watched: bool) -> tuple[list[EpochResult], Training]:
        training = begun(data, recipe)
        monitor = Monitor(training.model, probe(data.train))
        results = []
        for result in train(training, data.train, recipe, epochs=3):
            results.append(result)
            if watched:
                monitor.measure(training.model)
        return results, training

    (plain, one), (watched, other) = trained(watched=False), trained(watched=True)
    assert plain == watched
    states = zip(one.model.state_dict().values(), other.model.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in states)
    assert torch.equal(one.generator.get_state(), other.generator.get_state())


def test_nothing_is_left_on_the_network(data: SearchData, recipe: Recipe) -> None:
    training = begun(data, recipe)
    next(train(training, data.train, recipe, epochs=2))
    model = training.model
    for mode in (True, False):
        model.train(mode)
        state, gradients = copy.deepcopy(model.state_dict()), [p.grad for p in model.parameters()]
        Monitor(model, probe(data.train)).measure(model)
        assert all(part.training is mode for part in model.modules())
        assert not any(part._forward_hooks for part in model.modules())
        assert all(a is p.grad for a, p in zip(gradients, model.parameters(), strict=True))
        after = model.state_dict()
        assert all(torch.equal(value, after[name]) for name, value in state.items())


def test_hooks_go_even_where_the_network_fails(data: SearchData, recipe: Recipe) -> None:
    training = begun(data, recipe)
    monitor = Monitor(training.model, probe(data.train)[:, :, :, :1])
    with pytest.raises(RuntimeError, match="channels"):
        monitor.measure(training.model)
    assert not any(part._forward_hooks for part in training.model.modules())
    assert training.model.training


def test_a_network_that_took_the_place_of_another_is_compared_where_it_can_be() -> None:
    small = build(DESIGN, num_classes=3, in_channels=2)
    wide = copy.deepcopy(small)
    conv = wide.get_submodule("stage1.block1.unit1.conv")
    assert isinstance(conv, BinaryConv2d)
    conv.weight = nn.Parameter(torch.cat([conv.weight, conv.weight], 1))
    monitor = Monitor(wide, random(4, 4, 4, 2))
    found = by_name(monitor.measure(small))
    changed, kept = found["stage1.block1.unit1.conv"], found["stage1.block1.unit2.conv"]
    assert (changed.flips, changed.movement, changed.gradient, changed.dead) == (None,) * 4
    assert (kept.flips, kept.movement) == (0.0, 0.0)
    assert by_name(monitor.measure(small))["stage1.block1.unit1.conv"].flips == 0.0


def test_weights_that_are_real_for_the_time_being_have_no_signs() -> None:
    model = build(DESIGN, num_classes=3, in_channels=2)
    set_weights(model, "real")
    found = Monitor(model, random(4, 4, 4, 2)).measure(model)
    assert "binary-weights" not in {layer.part for layer in found}
    assert all(layer.flips is None for layer in found)


def test_the_probe_is_from_all_over_the_data(data: SearchData) -> None:
    assert torch.equal(probe(data.train, 8), probe(data.train, 8))
    ((images, _),) = data.train.batches([torch.arange(0, 80, 10)])
    assert torch.equal(probe(data.train, 8), images)
    assert len(probe(data.train, 10_000)) == len(data.train) == 80


def test_only_activations_have_their_estimators_watched() -> None:
    model = build(DESIGN, num_classes=3, in_channels=2)
    of_weights = [n for n, m in model.named_modules() if n.endswith(".estimator")]
    assert of_weights
    assert all(isinstance(model.get_submodule(name), Estimator) for name in of_weights)
    found = by_name(Monitor(model, random(4, 4, 4, 2)).measure(model))
    assert not found.keys() & set(of_weights)
