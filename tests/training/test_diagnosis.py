"""Known failures are named, with layer, number and remedy; a training that learns shows none."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.data import read
from bnas.data.memory import FinalData, final_data
from bnas.training import Recipe, course
from bnas.training.curve import CurvePoint, LayerHealth
from bnas.training.diagnosis import Symptom, symptoms
from bnas.training.health import Monitor, probe
from bnas.training.loop import train


@pytest.fixture(scope="module")
def digits() -> FinalData:
    return final_data(read("digits"), split_seed=0)


def design(**unit: Any) -> Architecture:
    """Two blocks with a shortcut around every convolution."""
    chosen = Unit(**unit)
    wide = Stage(
        depth=1, width=16, stride=2, unit=chosen, widening="convolution", downsampling="duplicate"
    )
    return Architecture(
        skeleton="resnet", stem=Stem(width=8), stages=(Stage(depth=1, width=8, unit=chosen), wide)
    )


def plain(**unit: Any) -> Architecture:
    """Four convolutions in a row, without shortcuts."""
    chosen = Unit(shortcut="none", **unit)
    wide = Stage(depth=2, width=16, stride=2, unit=chosen, widening="convolution")
    return Architecture(
        skeleton="vgg", stem=Stem(width=8), stages=(Stage(depth=2, width=8, unit=chosen), wide)
    )


def diagnosed(
    data: FinalData,
    architecture: Architecture,
    *,
    damage: Callable[[nn.Module], None] = lambda _: None,
    epochs: int = 3,
    **settings: Any,
) -> list[Symptom]:
    """What the curve of a real training shows."""
    form = {"optimizer": "adam", "learning_rate": 0.01, "schedule": "cosine", "batch_size": 64}
    recipe = Recipe.model_validate(form | settings)
    training = course.begin(architecture, recipe, facts=data.facts, seed=0)
    damage(training.model)
    monitor = Monitor(training.model, probe(data.train))
    points = [
        CurvePoint(
            epoch=result.epoch,
            phase="",
            learning_rate=training.optimizer.param_groups[0]["lr"],
            loss=result.loss,
            seconds=0.0,
            layers=monitor.measure(training.model),
        )
        for result in train(training, data.train, recipe, epochs=epochs)
    ]
    return symptoms(points)


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        (design(nonlinearity="prelu", placement="after-addition"), {}),
        (plain(), {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1}),
        (design(activation_estimator="rbnn", weight_estimator="recu"), {"epochs": 4}),
    ],
    ids=["adam", "sgd", "narrowing"],
)
def test_a_training_that_learns_shows_nothing(
    digits: FinalData, architecture: Architecture, settings: dict[str, Any]
) -> None:
    assert diagnosed(digits, architecture, **settings) == []


def test_a_tiny_learning_rate_freezes_signs(digits: FinalData) -> None:
    (found,) = diagnosed(digits, design(), learning_rate=1e-6, schedule="constant")
    assert (found.kind, found.first, found.last) == ("frozen signs", 1, 3)
    assert len(found.layers) == 5
    assert str(found).startswith(
        "frozen signs in stage1.block1.unit1.conv and 4 other layers, epochs 1 to 3: "
        "0 % of its signs changed, at a loss of 2."
    )
    assert str(found).endswith("; raise learning_rate (now 1e-06)")


def test_a_narrow_estimator_is_saturated(digits: FinalData) -> None:
    narrow = design(activation_estimator="signswish", activation_beta=200.0)
    (found,) = diagnosed(digits, narrow)
    assert (found.kind, len(found.layers)) == ("estimator saturated", 4)
    assert found.layers[0].endswith(".sign")
    assert found.text.endswith(
        " % of its activations; take an estimator with a wider support (signswish: a smaller "
        "beta), or put a norm in front of the sign"
    )


def test_weights_out_of_the_estimators_reach_are_saturated(digits: FinalData) -> None:
    (found,) = diagnosed(digits, design(weight_estimator="signswish", weight_beta=200.0))
    assert found.kind == "estimator saturated"
    assert found.layers[0].endswith(".conv")
    assert found.text.endswith(
        " % of its weights; take an estimator with a wider support (signswish: a smaller beta), "
        "or lower learning_rate"
    )


def test_huge_thresholds_kill_channels_and_starve_what_lies_in_front(digits: FinalData) -> None:
    def raise_thresholds(model: nn.Module) -> None:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("threshold.weight"):
                    parameter.fill_(100)

    found = diagnosed(digits, plain(threshold="learnable"), damage=raise_thresholds)
    starved, saturated, dead = found
    assert starved.kind == "starved weights"
    assert {"stem.conv", "stage1.block1.unit1.conv"} <= set(starved.layers)
    assert "its weights moved by 0 % of their size, those of another layer by " in starved.text
    assert starved.text.endswith(
        " %; take an estimator with a wider support, a shortcut around every convolution, or adam"
    )
    assert saturated.kind == "estimator saturated"
    assert str(dead) == (
        "dead channels in stage1.block1.unit1.sign and 3 other layers, epochs 1 to 2: 100 % of its "
        "8 channels are the same at every place of every image; put a norm and no relu in front of "
        "the sign, or lower learning_rate, which moves learned thresholds too"
    )


def test_a_relu_in_front_of_the_sign_kills_channels(digits: FinalData) -> None:
    found = diagnosed(digits, plain(nonlinearity="relu", placement="before-addition"))
    assert "dead channels" in [symptom.kind for symptom in found]


def conv(**measured: float) -> LayerHealth:
    healthy = {"flips": 0.1, "movement": 0.2, "gradient": 1.0, "saturated": 0.0, "dead": 0.0}
    return LayerHealth(layer="a", part="binary-weights", size=300, **healthy | measured)


def course_of(
    *layers: LayerHealth, rates: tuple[float, ...] = (), losses: tuple[float, ...] = ()
) -> list[CurvePoint]:
    """One point for each state of a layer, beside one that learns."""
    return [
        CurvePoint(
            epoch=number,
            phase="",
            learning_rate=rates[number - 1] if rates else 1.0,
            loss=losses[number - 1] if losses else 2.0,
            seconds=1.0,
            layers=(
                layer,
                LayerHealth(layer="b", part="real-weights", size=9, movement=0.2, gradient=1.0),
            ),
        )
        for number, layer in enumerate(layers, start=1)
    ]


def test_one_epoch_is_chance_two_are_a_symptom() -> None:
    well, frozen = conv(), conv(flips=0.0)
    assert symptoms(course_of(frozen, well, frozen)) == []
    (found,) = symptoms(course_of(well, frozen, frozen, frozen, well))
    assert str(found) == (
        "frozen signs in a, epochs 2 to 4: 0 % of its signs changed, at a loss of 2 (2 in epoch "
        "1); raise learning_rate (now 1)"
    )


def test_signs_may_freeze_late_or_when_the_loss_is_low_or_few() -> None:
    frozen = conv(flips=0.0)
    assert symptoms(course_of(frozen, frozen, rates=(1.0, 0.4))) == []
    assert symptoms(course_of(frozen, frozen, losses=(2.0, 0.9))) == []
    few = LayerHealth(layer="a", part="binary-weights", size=255, flips=0.0)
    assert symptoms(course_of(few, few)) == []


def test_the_end_of_a_schedule_is_not_judged() -> None:
    lost = conv(saturated=0.9)
    for rate, last in ((0.1, 4), (0.09, 3)):
        (found,) = symptoms(course_of(*[lost] * 4, rates=(1, 1, 0.5, rate)))
        assert found.last == last


def test_a_layer_that_stands_still_is_starved_and_not_frozen() -> None:
    still = conv(movement=5e-5, flips=0.0)
    (found,) = symptoms(course_of(still, still))
    assert str(found) == (
        "starved weights in a, epochs 1 to 2: its weights moved by 0.005 % of their size, those of "
        "another layer by 20 %; take an estimator with a wider support, a shortcut around every "
        "convolution, or adam"
    )


def test_filters_without_gradient_are_starved() -> None:
    idle = conv(dead=0.25)
    (found,) = symptoms(course_of(idle, idle))
    assert found.text == (
        "25 % of its filters had no gradient in the last step; take an estimator with a wider "
        "support, a shortcut around every convolution, or adam"
    )


def test_each_phase_is_judged_by_its_own_loss_and_rate() -> None:
    frozen = conv(flips=0.0)
    points = course_of(
        conv(), conv(), frozen, frozen, rates=(1, 1, 0.01, 0.01), losses=(4, 2, 1, 1)
    )
    assert symptoms(points) == []
    late = [
        CurvePoint(
            epoch=point.epoch,
            phase="second" if point.epoch > 2 else "first",
            learning_rate=point.learning_rate,
            loss=point.loss,
            seconds=1.0,
            layers=point.layers,
        )
        for point in points
    ]
    assert [found.first for found in symptoms(late)] == [3]


def test_a_curve_without_health_shows_nothing() -> None:
    point = CurvePoint(epoch=1, phase="", learning_rate=1.0, loss=2.0, seconds=1.0)
    assert symptoms([]) == symptoms([point, point]) == []
