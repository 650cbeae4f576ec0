"""Phases: real weights first, coupled activations first, new optimizers, and resuming in each."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.blocks import BinaryConv2d, build, regularisation
from bnas.blocks.convolution import LearnedScale
from bnas.data.memory import SearchData
from bnas.errors import InvalidConfiguration
from bnas.training import Recipe, checkpoints, course
from bnas.training.loop import EpochResult, Training, enter, train

TWO_STEP = [
    {"share": 1, "weights": "real", "weight_decay": 1e-5, "schedule": "cosine"},
    {"share": 1, "weight_decay": 0},
]
BINARY_DUO = [{"share": 1, "coupled": True}, {"share": 1, "learning_rate": 0.001}]
RECIPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "average": {"ema": 0.9, "mixup": 0.2, "clip_norm": 1.0},
    "two-step": {"phases": TWO_STEP},
    "two-step with average": {"phases": TWO_STEP, "ema": 0.9, "flip": True, "crop_padding": 1},
    "BinaryDuo": {"phases": BINARY_DUO},
    "all": {
        "ema": 0.9,
        "phases": [
            {"share": 1, "weights": "real", "coupled": True},
            {"share": 1, "coupled": True, "decays": ["latent-weights"], "weight_decay": 0.1},
            {"share": 1},
        ],
    },
}


def design(**unit: Any) -> Architecture:
    """Paired activations, whose norm stands in front."""
    whole = Unit(
        **{
            "activation_levels": "paired",
            "order": "norm-sign-conv",
            "shortcut": "block",
            "weight_scale": "learned",
            **unit,
        }
    )
    return Architecture(
        skeleton="resnet",
        stem=Stem(width=4),
        stages=(
            Stage(depth=1, width=4, unit=whole),
            Stage(depth=1, width=8, stride=2, unit=whole, downsampling="real-1x1"),
        ),
    )


def recipe_of(recipe: Recipe, **changes: Any) -> Recipe:
    return Recipe.model_validate(recipe.model_dump() | changes)


def begun(recipe: Recipe, data: SearchData, *, seed: int = 0) -> Training:
    return course.begin(design(), recipe, facts=data.facts, seed=seed)


def advance(
    training: Training, data: SearchData, recipe: Recipe, *, to: int, epochs: int = 6
) -> list[EpochResult]:
    found: list[EpochResult] = []
    for result in train(training, data.train, recipe, epochs=epochs):
        found.append(result)
        if result.epoch == to:
            break
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_resumed_in_any_phase_it_ends_in_the_same_bits(
    data: SearchData, recipe: Recipe, tmp_path: Path, name: str
) -> None:
    recipe = recipe_of(recipe, **RECIPES[name])
    whole = begun(recipe, data)
    expected = advance(whole, data, recipe, to=6)
    for cut in (2, 3, 5):
        early = begun(recipe, data)
        found = advance(early, data, recipe, to=cut)
        checkpoints.write(tmp_path / "state.pt", checkpoints.state(early))
        late = begun(recipe, data, seed=99)
        saved = checkpoints.read(tmp_path / "state.pt")
        assert saved is not None
        checkpoints.restore(late, saved)
        found += advance(late, data, recipe, to=6)

        assert found == expected
        for one, other in ((whole.model, late.model), (whole.network, late.network)):
            left, right = one.state_dict(), other.state_dict()
            assert left.keys() == right.keys()
            assert all(torch.equal(left[key], right[key]) for key in left)


def test_each_phase_has_its_own_optimizer_schedule_and_decay(
    data: SearchData, recipe: Recipe
) -> None:
    recipe = recipe_of(recipe, phases=TWO_STEP, schedule="linear", warmup=0.0)
    training = begun(recipe, data)
    num_batches = 5  # 80 images in batches of 16
    seen: list[tuple[float, float]] = []

    def look(optimizer: torch.optim.Optimizer, *_: object) -> None:
        group = optimizer.param_groups[0]
        seen.append((group["lr"], group["weight_decay"]))

    first = training.optimizer
    first.register_step_pre_hook(look)
    advance(training, data, recipe, to=2, epochs=4)
    cosine = [0.005 * (1 + torch.tensor(torch.pi * step / 10).cos().item()) for step in range(10)]
    assert [rate for rate, _ in seen] == pytest.approx(cosine, rel=1e-6)
    assert {decay for _, decay in seen} == {1e-5}

    enter(training, recipe.phase(1))
    assert training.optimizer is not first
    seen.clear()
    training.optimizer.register_step_pre_hook(look)
    advance(training, data, recipe, to=4, epochs=4)
    linear = [0.01 * (1 - step / (2 * num_batches)) for step in range(2 * num_batches)]
    assert [rate for rate, _ in seen] == pytest.approx(linear, rel=1e-6)
    assert {decay for _, decay in seen} == {0.0}


def images(channels: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(16, channels, 8, 8, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("scale", ["none", "mean", "learned"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_right_after_decoupling_a_training_has_the_same_outputs(
    data: SearchData, recipe: Recipe, scale: str, ema: float
) -> None:
    recipe = recipe_of(recipe, phases=BINARY_DUO, ema=ema)
    facts = data.facts
    training = course.begin(design(weight_scale=scale), recipe, facts=facts, seed=0)
    advance(training, data, recipe, to=3)
    assert training.phase.coupled
    coupled = copy.deepcopy(training.network).double().eval()
    levels = [unit for unit in coupled.modules() if isinstance(unit, BinaryConv2d)]
    training.model.double()
    if training.average is not None:
        training.average.double()

    enter(training, recipe.phase(1))
    network = training.network.eval()
    x = images()
    torch.testing.assert_close(network(x), coupled(x), rtol=1e-10, atol=1e-10)
    twice = [unit for unit in network.modules() if isinstance(unit, BinaryConv2d)]
    assert [2 * unit.weight.shape[1] for unit in levels] == [u.weight.shape[1] for u in twice]
    assert network(x).std() > 1e-3


def test_real_weights_convolve_as_they_are() -> None:
    network = build(design(regulariser="r1", regulariser_weight=0.1), num_classes=3, in_channels=2)
    conv = network.get_submodule("stage1.block1.unit1.conv")
    assert isinstance(conv, BinaryConv2d)
    x = torch.randn(2, 8, 5, 5, generator=torch.Generator().manual_seed(0)).sign()
    assert regularisation(network) is not None

    conv.set_binary(binary=False)
    expected = functional.conv2d(x, conv.weight, padding=1) / 2  # the inputs come in pairs
    torch.testing.assert_close(conv(x), expected)
    (gradient,) = torch.autograd.grad(conv(x).sum(), conv.weight)
    (exact,) = torch.autograd.grad(expected.sum(), conv.weight)
    torch.testing.assert_close(gradient, exact)
    for part in network.modules():
        if isinstance(part, BinaryConv2d):
            part.set_binary(binary=False)
    assert regularisation(network) is None


def test_learned_scales_begin_when_weights_become_binary() -> None:
    network = build(design(weight_scale_init="median"), num_classes=3, in_channels=2)
    conv = network.get_submodule("stage1.block1.unit1.conv")
    assert isinstance(conv, BinaryConv2d)
    assert isinstance(conv.scale, LearnedScale)
    conv.set_binary(binary=False)
    with torch.no_grad():
        conv.weight.mul_(3)
    conv.set_binary(binary=True)
    expected = conv.weight.abs().flatten(1).quantile(0.5, 1)
    torch.testing.assert_close(conv.scale.weight.flatten(), expected)
    with torch.no_grad():
        conv.scale.weight.fill_(7)
    conv.set_binary(binary=True)
    assert (conv.scale.weight == 7).all()


def test_they_do_where_pairs_are_decoupled_at_the_same_border(
    data: SearchData, recipe: Recipe
) -> None:
    phases = [{"share": 1, "weights": "real", "coupled": True}, {"share": 1}]
    recipe = recipe_of(recipe, phases=phases)
    unit = design(weight_scale="learned", weight_scale_init="mean")
    training = course.begin(unit, recipe, facts=data.facts, seed=0)
    with torch.no_grad():
        for part in training.model.modules():
            if isinstance(part, BinaryConv2d):
                part.weight.mul_(5)
    enter(training, recipe.phase(1))
    conv = training.model.get_submodule("stage1.block1.unit1.conv")
    assert isinstance(conv, BinaryConv2d)
    assert isinstance(conv.scale, LearnedScale)
    expected = conv.weight.abs().flatten(1).mean(1)
    torch.testing.assert_close(conv.scale.weight.flatten(), expected)


def test_two_steps_end_in_binary_weights(data: SearchData, recipe: Recipe) -> None:
    recipe = recipe_of(recipe, phases=TWO_STEP)
    training = begun(recipe, data)
    convs = [part for part in training.model.modules() if isinstance(part, BinaryConv2d)]
    assert not any(conv.is_binary for conv in convs)
    advance(training, data, recipe, to=3)
    assert not any(conv.is_binary for conv in convs)
    advance(training, data, recipe, to=4)
    assert all(conv.is_binary for conv in convs)


def test_too_few_epochs_for_the_phases_are_refused(data: SearchData, recipe: Recipe) -> None:
    recipe = recipe_of(recipe, phases=TWO_STEP)
    with pytest.raises(InvalidConfiguration, match=r"^every phase must have an epoch at least"):
        advance(begun(recipe, data), data, recipe, to=1, epochs=1)


class Constant(nn.Module):
    """A teacher that is sure of one class."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(10 * functional.one_hot(torch.tensor(label), 3).float())

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), 3)


def test_a_teacher_alone_decides_what_is_learned(data: SearchData, recipe: Recipe) -> None:
    taught = recipe_of(recipe, teacher={})
    training = begun(taught, data)
    teacher = Constant(2)
    losses = [
        result.loss for result in train(training, data.train, taught, epochs=4, teacher=teacher)
    ]
    assert losses[-1] < 0.2 < losses[0]
    (x_NHWC, _), *_ = data.validation.batches([torch.arange(20)])
    predicted = training.network.eval()(x_NHWC.permute(0, 3, 1, 2)).argmax(1)
    assert (predicted == 2).all()
    assert teacher.logits.grad is None


def test_a_training_goes_on_with_the_teacher_that_it_began_with(
    data: SearchData, recipe: Recipe
) -> None:
    taught = recipe_of(recipe, teacher={"weight": 1.0})
    training = begun(taught, data)
    next(train(training, data.train, taught, epochs=2, teacher=Constant(1)))
    resumed = begun(taught, data)
    checkpoints.restore(resumed, checkpoints.state(training))
    with pytest.raises(InvalidConfiguration) as caught:
        next(train(resumed, data.train, taught, epochs=2, teacher=Constant(2)))
    assert str(caught.value).startswith(
        f"a training must go on with the teacher that it began with, {training.teacher}, "
        "but was given "
    )
    next(train(resumed, data.train, taught, epochs=2, teacher=Constant(1)))


@pytest.mark.parametrize(
    ("setting", "teacher", "expected"),
    [
        (
            {},
            None,
            (
                "a training must have the teacher of its recipe, 'twin', but was given none; give "
                "what the recipe says"
            ),
        ),
        (
            None,
            Constant(0),
            (
                "a training must have the teacher of its recipe, none, but was given one; give "
                "what the recipe says"
            ),
        ),
    ],
)
def test_recipe_and_caller_agree_on_the_teacher(
    data: SearchData,
    recipe: Recipe,
    setting: dict[str, Any] | None,
    teacher: nn.Module | None,
    expected: str,
) -> None:
    recipe = recipe_of(recipe, teacher=setting)
    training = begun(recipe, data)
    with pytest.raises(InvalidConfiguration) as caught:
        next(train(training, data.train, recipe, epochs=1, teacher=teacher))
    assert str(caught.value) == expected
