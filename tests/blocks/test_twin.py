"""The real-valued twin of every published design."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnas.architecture import (
    Architecture,
    Stage,
    Stem,
    Unit,
    digest,
    load_design,
    problems,
    published_names,
    twin_of,
)
from bnas.blocks import BinaryConv2d, build, build_twin
from bnas.estimators import Estimator

CLASSES = 5


def design(unit: Unit | None = None, *, bits: Any = 32, **stage: Any) -> Architecture:
    unit = unit or Unit()
    last = {"depth": 1, "width": 16, "stride": 2, "unit": unit, **stage}
    return Architecture(
        skeleton="resnet",
        stem=Stem(width=8, bits=bits),
        stages=(Stage(depth=1, width=8, unit=unit), Stage(**last)),
    )


def images() -> Tensor:
    return torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", published_names())
def test_every_published_design_has_a_valid_twin_that_is_its_own(name: str) -> None:
    twin = twin_of(load_design(name).architecture)
    assert problems(twin) == []
    assert twin_of(twin) == twin


@pytest.mark.parametrize("name", published_names())
def test_nothing_in_a_twin_is_binary(name: str) -> None:
    found = load_design(name)
    with torch.device("meta"):
        network = build_twin(found.architecture, num_classes=CLASSES, image_size=found.image_size)
    assert not [part for part in network.modules() if isinstance(part, BinaryConv2d | Estimator)]


def test_designs_that_differ_in_binary_choices_alone_have_one_twin() -> None:
    plain = design(downsampling="real-1x1")
    others = [
        design(Unit(activation_estimator="signswish", activation_beta=5.0)),
        design(Unit(weight_estimator="recu", weight_scale="learned", regulariser="r1")),
        design(Unit(threshold="learnable", padding="one"), bits=8),
        design(downsampling="binary-1x1"),
    ]
    assert {digest(twin_of(other)) for other in others} == {digest(twin_of(plain))}
    assert digest(twin_of(design(Unit(nonlinearity="prelu")))) != digest(twin_of(plain))


def test_the_twin_of_paired_activations_reads_each_channel_once() -> None:
    unit = Unit(activation_levels="paired", order="norm-sign-conv", shortcut="block")
    single = replace(unit, activation_levels="signed")
    assert twin_of(design(unit)) == twin_of(design(single))


@pytest.mark.parametrize("order", ["sign-conv-norm", "norm-sign-conv"])
def test_a_twin_is_the_network_with_relu_and_its_latent_weights(order: Any) -> None:
    architecture = design(Unit(order=order, nonlinearity="prelu"))
    binary = build(architecture, num_classes=CLASSES, seed=3)
    twin = build_twin(architecture, num_classes=CLASSES, seed=3)
    assert {name for name, _ in twin.named_modules()} <= {
        name for name, _ in binary.named_modules()
    }
    for part in binary.modules():
        if isinstance(part, BinaryConv2d):
            part.set_binary(binary=False)
        for name, child in [*part.named_children()]:
            if name == "sign":
                assert isinstance(child, Estimator)
                setattr(part, name, nn.ReLU())
    x = images()
    torch.testing.assert_close(twin.eval()(x), binary.eval()(x))


@pytest.mark.usefixtures("untouched_global_random")
def test_a_twin_trains() -> None:
    network = build_twin(design(Unit(groups=2)), num_classes=CLASSES)
    loss = nn.functional.cross_entropy(network(images()), torch.arange(6) % CLASSES)
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())
