"""Building and training whole networks."""

import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import (
    Architecture,
    Stage,
    Stem,
    Unit,
    canonical,
    model,
    plan,
    problems,
    valid,
)
from bnas.architecture.nodes import Conv
from bnas.blocks import BinaryConv2d, build, set_progress
from bnas.estimators import Estimator, make

CLASSES = 5


def design(unit: Unit | None = None, **stage: Any) -> Architecture:
    last = {"depth": 1, "width": 16, "stride": 2, "unit": unit or Unit(), **stage}
    return valid(
        Architecture(
            skeleton="resnet",
            stem=Stem(width=8),
            stages=(Stage(depth=1, width=8, unit=unit or Unit()), Stage(**last)),
        )
    )


def images(channels: int = 3) -> Tensor:
    return torch.randn(6, channels, 8, 8, generator=torch.Generator().manual_seed(2))


def loss_of(network: nn.Module, x: Tensor) -> Tensor:
    return functional.cross_entropy(network(x), torch.arange(len(x)) % CLASSES)


def test_submodules_carry_the_names_of_the_plan() -> None:
    architecture = design(Unit(weight_scale="learned", nonlinearity="prelu", threshold="learnable"))
    network, lowered = build(architecture, num_classes=CLASSES), plan(architecture)
    names = dict(network.named_modules())
    expected = [lowered.stem.convs[0].name, lowered.head.name]
    for block in lowered.blocks:
        for unit in block.units:
            expected += [unit.name, *(conv.name for conv in unit.convs)]
            expected += [f"{unit.name}.{part}" for part in ("norm", "threshold", "nonlinearity")]
    assert set(expected) <= set(names)


def test_logits_have_the_shape_of_the_classes() -> None:
    assert build(design(), num_classes=CLASSES)(images()).shape == (6, CLASSES)
    assert build(design(), num_classes=2, in_channels=1)(images(1)).shape == (6, 2)


@pytest.mark.usefixtures("untouched_global_random")
def test_seed_alone_decides_the_initial_weights() -> None:
    first, again, other = (build(design(), num_classes=CLASSES, seed=s) for s in (4, 4, 5))
    for (name, left), right in zip(
        first.state_dict().items(), again.state_dict().values(), strict=True
    ):
        assert torch.equal(left, right), name
    weight = "stage1.block1.unit1.conv.weight"
    assert not torch.equal(first.get_parameter(weight), other.get_parameter(weight))


def test_meta_network_has_the_same_parameters() -> None:
    with torch.device("meta"):
        ghost = build(design(), num_classes=CLASSES)
    real = build(design(), num_classes=CLASSES)
    assert {name: value.shape for name, value in ghost.state_dict().items()} == {
        name: value.shape for name, value in real.state_dict().items()
    }


def test_layout_of_the_images_does_not_matter() -> None:
    network = build(design(), num_classes=CLASSES)
    x = images()
    assert torch.equal(network(x), network(x.contiguous(memory_format=torch.channels_last)))


def test_weights_activations_and_gradients_are_channels_last() -> None:
    unit = Unit(threshold="learnable", nonlinearity="rprelu", weight_scale="learned")
    network = build(design(unit, downsampling="real-1x1"), num_classes=CLASSES)
    seen: list[Tensor] = [p for p in network.parameters() if p.dim() == 4]

    def keep_gradient(_: nn.Module, inputs: Any, outputs: Any) -> None:
        seen.extend([*inputs, *outputs])

    def watch(module: nn.Module) -> None:
        module.register_forward_hook(lambda _, inputs, output: seen.extend([inputs[0], output]))
        module.register_full_backward_hook(keep_gradient)

    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, BinaryConv2d)):
            watch(module)
    loss_of(network, images()).backward()
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in seen)


def test_network_survives_copying_and_its_state_dict() -> None:
    network = build(design(Unit(activation_estimator="signswish")), num_classes=CLASSES).eval()
    loaded = build(design(Unit(activation_estimator="signswish")), num_classes=CLASSES, seed=9)
    loaded.load_state_dict(network.state_dict())
    x = images()
    for twin in (copy.deepcopy(network), loaded.eval()):
        assert torch.equal(twin(x), network(x))


@pytest.mark.parametrize("tag", get_args(model.Estimator))
@pytest.mark.parametrize("beta", [None, "learnable"])
def test_every_estimator_trains(tag: Any, beta: Any) -> None:
    if beta is not None and tag != "signswish":
        beta = None
    unit = Unit(
        activation_estimator=tag, activation_beta=beta, weight_estimator=tag, weight_beta=beta
    )
    network = build(design(unit), num_classes=CLASSES)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for step in range(12):
        set_progress(network, step / 12)
        loss = loss_of(network, images())
        optimizer.zero_grad()
        loss.backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


UNITS = [
    Unit(nonlinearity=kind, placement=placement, order=order)
    for kind in get_args(model.Nonlinearity)
    for placement in get_args(model.Placement)
    for order in get_args(model.Order)
] + [
    Unit(shortcut=shortcut, groups=groups, shuffle=groups > 1, weight_scale=scale)
    for shortcut in get_args(model.ShortcutStyle)
    for groups in (1, 4)
    for scale in get_args(model.WeightScale)
]


UNITS += [
    Unit(activation_levels="unsigned", weight_estimator="recu"),
    Unit(activation_levels="paired", order="norm-sign-conv", attention="data-driven", groups=2),
    Unit(attention="data-driven", padding="one"),
    Unit(groups=4, mix=True, shuffle=True, attention="data-driven"),
    Unit(weight_scale="learned", weight_scale_init="p75", regulariser="r1"),
]


def combinations(skeleton: Any) -> Iterator[Architecture]:
    """All of them with each way to widen and to downsample, where these are valid together."""
    seen = set()
    for design in UNITS:
        unit = replace(design, shortcut="none") if skeleton == "vgg" else design
        for widening in get_args(model.Widening):
            for downsampling in get_args(model.Downsampling):
                stage = {"unit": unit, "widening": widening, "downsampling": downsampling}
                first = Stage(depth=1, width=8, unit=unit)
                last = Stage(depth=2, width=16, stride=2, **stage)
                stem = Stem(width=8)
                found = canonical(Architecture(skeleton=skeleton, stem=stem, stages=(first, last)))
                if found not in seen and not problems(found):
                    seen.add(found)
                    yield found


@pytest.mark.parametrize("skeleton", get_args(model.Skeleton))
def test_every_unit_design_has_finite_gradients_everywhere(skeleton: Any) -> None:
    for architecture in combinations(skeleton):
        network = build(architecture, num_classes=CLASSES)
        loss_of(network, images()).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, (architecture, name)
            assert parameter.grad.isfinite().all(), (architecture, name)


def test_progress_reaches_every_estimator() -> None:
    network = build(design(Unit(weight_estimator="ede")), num_classes=CLASSES)
    told: list[float] = []
    for module in network.modules():
        if isinstance(module, Estimator):
            module.set_progress = told.append  # type: ignore[assignment, method-assign]
    set_progress(network, 0.5)
    # Two blocks of two units, each with an estimator of activations and one of weights.
    assert told == [0.5] * 8


@pytest.mark.parametrize(("size", "stride", "groups"), [(1, 2, 1), (1, 2, 8), (2, 4, 1), (3, 4, 4)])
def test_gradients_in_bfloat16_where_an_image_is_smaller_than_the_stride(
    size: int, stride: int, groups: int
) -> None:
    node = Conv("conv", 16, 32, kernel_size=3, stride=stride, groups=groups, bits=1)
    conv = BinaryConv2d(node, Unit(weight_scale="none"), make("ste", "weights"))
    for seed in range(20):
        # What freed memory holds shows in what is left unwritten.
        junk = [torch.full((2**power,), math.nan) for power in (10, 12, 14, 16)]
        del junk
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(8, 16, size, size, generator=generator).sign()
        found = []
        for dtype in (torch.float32, torch.bfloat16):
            (gradient,) = torch.autograd.grad(conv(x.to(dtype)).float().sum(), conv.weight)
            found.append(gradient)
        torch.testing.assert_close(found[1], found[0])


def test_bfloat16_autocast_trains() -> None:
    for kind in get_args(model.Nonlinearity):
        unit = Unit(threshold="learnable", weight_scale="mean", nonlinearity=kind)
        network = build(design(unit, downsampling="real-1x1"), num_classes=CLASSES)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(network, images())
        loss.backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.dtype == torch.float32
            assert parameter.grad.isfinite().all(), name
