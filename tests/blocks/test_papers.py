"""What the papers add to a unit, against their formulas, and their designs as networks."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import Architecture, Head, Stage, Stem, Unit, load_design, published_names
from bnas.architecture import valid as checked
from bnas.architecture.nodes import AttentionPlan, Conv
from bnas.blocks import BinaryConv2d, build, decouple, regularisation, set_progress
from bnas.blocks.attention import DataDrivenScale
from bnas.blocks.eight_bit import EightBitConv2d
from bnas.errors import InvalidArchitecture, InvalidConfiguration
from bnas.estimators import make

CLASSES = 5
# At 224 pixels its first hidden layer alone would have 8e8 weights.
VGG = "bnn-plus-vgg"


def images(size: int = 8, number: int = 4, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(number, channels, size, size, generator=generator)


def paired(**unit: Any) -> Architecture:
    design = Unit(activation_levels="paired", order="norm-sign-conv", **unit)
    first = Stage(depth=1, width=8, unit=design)
    last = Stage(depth=2, width=16, stride=2, unit=design)
    return checked(Architecture(skeleton="resnet", stem=Stem(width=8), stages=(first, last)))


def randomised(network: nn.Module) -> nn.Module:
    """In double precision, with parameters and statistics that no symmetry hides behind."""
    network = network.double()
    generator = torch.Generator().manual_seed(8)
    for name, value in [*network.named_parameters(), *network.named_buffers()]:
        if value.is_floating_point():
            drawn = torch.randn(value.shape, generator=generator, dtype=value.dtype)
            value.data.copy_(drawn.abs() + 0.1 if "running_var" in name else 0.5 * drawn)
    return network


@pytest.mark.parametrize(
    "unit",
    [
        {"weight_scale": "none"},
        {"weight_scale": "mean", "shortcut": "block"},
        {"weight_scale": "mean-detached", "nonlinearity": "rprelu"},
        {"weight_scale": "learned", "groups": 4, "shuffle": True},
        {"weight_scale": "mean", "attention": "data-driven", "weight_estimator": "recu"},
        {"shortcut": "none", "padding": "one", "groups": 2, "mix": True},
    ],
)
def test_decoupling_computes_the_same(unit: dict[str, Any]) -> None:
    architecture = paired(**unit)
    coupled = randomised(build(architecture, num_classes=CLASSES, coupled=True)).eval()
    x = images().double()
    inputs: list[Tensor] = []
    for name, module in coupled.named_modules():
        if name.endswith(".sign"):
            module.register_forward_hook(lambda _, given, __: inputs.append(given[0]))
    expected = coupled(x)
    # No activation lies on a step.
    seen = torch.cat([one.flatten() for one in inputs])
    assert torch.stack([(seen - step).abs().min() for step in (0.25, 0.75)]).min() > 1e-9
    network = decouple(coupled, architecture, num_classes=CLASSES)
    torch.testing.assert_close(network(x), expected, rtol=1e-9, atol=1e-9)
    # Twice the weights, as its cost says.
    binary = [m for m in network.modules() if isinstance(m, BinaryConv2d)]
    halves = [m for m in coupled.modules() if isinstance(m, BinaryConv2d)]
    assert all(
        b.weight.shape[1] == 2 * h.weight.shape[1] for b, h in zip(binary, halves, strict=True)
    )


def test_a_fresh_pair_has_its_steps_at_a_quarter_and_three_quarters() -> None:
    network = build(paired(), num_classes=CLASSES)
    bias = network.get_parameter("stage1.block1.unit1.norm.bias")
    assert bias.tolist() == [-0.25, 0.25] * 8


def test_only_the_coupled_network_of_the_design_is_decoupled() -> None:
    message = (
        r"^what is decoupled must be the coupled network of the same architecture, but it has no "
        r"'stage1\.block1\.unit1\.attention'; build it with coupled=True$"
    )
    plain = build(paired(), num_classes=CLASSES, coupled=True)
    with pytest.raises(InvalidConfiguration, match=message):
        decouple(plain, paired(attention="data-driven"), num_classes=CLASSES)


def test_data_driven_scale_follows_its_formula() -> None:
    plan = AttentionPlan("attention", in_channels=6, hidden_channels=2, out_channels=4)
    module = DataDrivenScale(plan).double()
    x, y = images(channels=6).double(), images(channels=4).double()
    weights = {k: v.detach().numpy() for k, v in module.named_parameters()}
    means = x.numpy().mean((2, 3))
    hidden = np.maximum(means @ weights["squeeze.weight"].T + weights["squeeze.bias"], 0)
    factors = 1 / (1 + np.exp(-(hidden @ weights["excite.weight"].T + weights["excite.bias"])))
    expected = y * torch.from_numpy(factors)[:, :, None, None]
    torch.testing.assert_close(module(y, x), expected)


@pytest.mark.parametrize(("padding", "border"), [("zero", 0.0), ("one", 1.0)])
def test_padding(padding: Any, border: float) -> None:
    shape = Conv("conv", 4, 6, 3, 2, 2, 1)
    with torch.random.fork_rng(devices=[]):
        module = BinaryConv2d(shape, Unit(padding=padding), make("ste", "weights"))
    x = torch.where(images(channels=4) >= 0, 1.0, -1.0)
    padded = functional.pad(x, (1, 1, 1, 1), value=border)
    signs = torch.where(module.weight >= 0, 1.0, -1.0)
    torch.testing.assert_close(module(x), functional.conv2d(padded, signs, stride=2, groups=2))


def test_eight_bit_convolution_computes_with_integers() -> None:
    module = EightBitConv2d(Conv("conv", 3, 4, 3, 2, 1, 8))
    x = images()
    module(x)
    module.eval()
    step = module.input_range / 127
    levels = (x / step).round().clamp(-127, 127)
    scales = module.weight.abs().amax((1, 2, 3), keepdim=True) / 127
    weights = (module.weight / scales).round()
    assert weights.abs().max() == 127
    products = functional.conv2d(levels.double(), weights.double(), stride=2, padding=1)
    expected = products * step * scales.flatten()[:, None, None]
    torch.testing.assert_close(module(x), expected.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "power"), [("r1", 1), ("r2", 2)])
def test_regularisers_follow_their_formulas(kind: Any, power: int) -> None:
    unit = Unit(weight_scale="learned", regulariser=kind, regulariser_weight=1e-3)
    stage = Stage(depth=1, width=8, unit=unit)
    architecture = checked(Architecture(skeleton="resnet", stem=Stem(width=8), stages=(stage,)))
    network = build(architecture, num_classes=CLASSES)
    expected = 0.0
    for module in network.modules():
        if isinstance(module, BinaryConv2d):
            scale = module.get_parameter("scale.weight").detach().numpy()
            distance = np.abs(scale - np.abs(module.weight.detach().numpy()))
            expected += 1e-3 * float((distance**power).sum())
    found = regularisation(network)
    assert found is not None
    assert found.item() == pytest.approx(expected, rel=1e-5)
    found.backward()
    assert network.get_parameter("stage1.block1.unit1.conv.scale.weight").grad is not None


def test_without_a_regulariser_there_is_nothing_to_add() -> None:
    assert regularisation(build(paired(), num_classes=CLASSES)) is None


def test_unsigned_activations_are_zero_and_one() -> None:
    unit = Unit(activation_levels="unsigned")
    stage = Stage(depth=1, width=8, unit=unit)
    architecture = checked(Architecture(skeleton="resnet", stem=Stem(width=8), stages=(stage,)))
    signs = build(architecture, num_classes=CLASSES).get_submodule("stage1.block1.unit1.sign")
    assert signs(torch.tensor([-1.0, 0.5, 0.6, 2.0])).tolist() == [0, 0, 1, 1]


def test_a_head_that_flattens_needs_the_image_size() -> None:
    stage = Stage(depth=1, width=8, stride=2, unit=Unit(shortcut="none"))
    head = Head(pooling="flatten", hidden=(16,))
    architecture = checked(
        Architecture(skeleton="vgg", stem=Stem(width=8), stages=(stage,), head=head)
    )
    network = build(architecture, num_classes=CLASSES, image_size=9)
    assert network(images(9)).shape == (4, CLASSES)
    assert network.get_parameter("hidden.unit1.conv.weight").shape == (16, 8 * 5 * 5, 1, 1)
    message = (
        r"^head\.pooling: what is flattened depends on the image size, but got pooling='flatten' "
        r"with image_size=None; give the height of an image in pixels$"
    )
    with pytest.raises(InvalidArchitecture, match=message):
        build(architecture, num_classes=CLASSES)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *((name, 32) for name in published_names()),
        *(
            pytest.param(name, 224, marks=pytest.mark.slow)
            for name in published_names()
            if name != VGG
        ),
    ],
)
def test_published_designs_train_a_step(name: str, size: int) -> None:
    network = build(load_design(name).architecture, num_classes=CLASSES, image_size=size)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    x, y = images(size, number=2), torch.tensor([1, 3])
    set_progress(network, 0.5)
    penalty = regularisation(network)
    loss = functional.cross_entropy(network(x), y)
    (loss if penalty is None else loss + penalty).backward()
    for label, parameter in network.named_parameters():
        assert parameter.grad is not None, label
        assert parameter.grad.isfinite().all(), label
    optimizer.step()
    assert network.eval()(x).isfinite().all()
