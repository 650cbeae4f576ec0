"""Units and their parts against plain re-writings of the papers' formulas, in double precision."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import Architecture, Stage, Stem, Unit, plan, valid
from bnas.architecture.nodes import Conv
from bnas.blocks import BinaryConv2d
from bnas.blocks.activations import RPReLU, Threshold, TwoSlopePReLU
from bnas.blocks.shortcuts import PadChannels, RepeatChannels
from bnas.blocks.unit import Block
from bnas.estimators import make

WIDTH = 8


def block(unit: Unit, *, skeleton: str = "resnet", **stage: object) -> Block:
    """The first block of a stage behind a stem of WIDTH channels, its parameters randomised."""
    settings = {"depth": 1, "width": WIDTH, "unit": unit, **stage}
    architecture = valid(
        Architecture(
            skeleton=skeleton,  # type: ignore[arg-type]
            stem=Stem(width=WIDTH),
            stages=(Stage(**settings),),  # type: ignore[arg-type]
        )
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        module = Block(plan(architecture).blocks[0]).double()
        for parameter in module.parameters():
            nn.init.normal_(parameter, 0.1, 0.5)
    return module


def images(channels: int = WIDTH, size: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randn(3, channels, size, size, generator=generator, dtype=torch.float64)


def named(module: nn.Module, name: str) -> Tensor:
    return module.get_parameter(name).detach()


def channels(values: Tensor) -> Tensor:
    return values[:, None, None]


def sign(x: Tensor) -> Tensor:
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def norm(module: nn.Module, name: str, x: Tensor) -> Tensor:
    """Batch normalisation with the statistics of the batch."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    gamma, beta = named(module, f"{name}.weight"), named(module, f"{name}.bias")
    return (x - mean) / (variance + 1e-5).sqrt() * channels(gamma) + channels(beta)


def convolve(x: Tensor, weight: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
    """A zero-padded convolution, written as patches times a matrix, group by group."""
    out_channels, _, kernel, _ = weight.shape
    padding = (kernel - 1) // 2
    outputs = []
    for part, filters in zip(x.chunk(groups, 1), weight.chunk(groups), strict=True):
        patches = functional.unfold(part, kernel, padding=padding, stride=stride)
        outputs.append(filters.flatten(1) @ patches)
    size = -(-x.shape[2] // stride)
    return torch.cat(outputs, 1).view(len(x), out_channels, size, size)


def halved(x: Tensor) -> Tensor:
    """2x2 means; the windows at an odd edge hold fewer pixels."""
    size = -(-x.shape[2] // 2)
    rows = [x[:, :, 2 * i : 2 * i + 2] for i in range(size)]
    means = [row[:, :, :, 2 * j : 2 * j + 2].mean((2, 3)) for row in rows for j in range(size)]
    return torch.stack(means, 2).view(*x.shape[:2], size, size)


def rprelu(x: Tensor, b: Tensor, g: Tensor, z: Tensor) -> Tensor:
    b, g, z = channels(b), channels(g), channels(z)
    return torch.where(x > g, x - g + z, b * (x - g) + z)


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual.detach(), expected.detach(), rtol=1e-9, atol=1e-9)


def test_rsign_changes_sign_at_its_threshold() -> None:
    module = Threshold(2)
    nn.init.constant_(module.weight, 0.5)
    x = torch.tensor([[0.4, 0.6], [0.5, -3.0]]).view(1, 2, 1, 2)
    signs = make("approxsign", "activations")(module(x))
    assert signs.flatten().tolist() == [-1, 1, 1, -1]


def test_rprelu_follows_its_formula() -> None:
    module = RPReLU(WIDTH).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.numel()))
    x = images()
    b, g, z = module.weight, module.shift_in, module.shift_out
    assert_equal(module(x), rprelu(x, b, g, z))


def test_rprelu_begins_as_prelu() -> None:
    x = images()
    expected = functional.prelu(x, torch.tensor(0.25, dtype=x.dtype))
    assert_equal(RPReLU(WIDTH).double()(x), expected)


def test_two_slope_prelu_follows_its_formula() -> None:
    module = TwoSlopePReLU(WIDTH).double()
    nn.init.constant_(module.positive, 3.0)
    nn.init.constant_(module.negative, -2.0)
    x = images()
    assert_equal(module(x), torch.where(x > 0, 3 * x, -2 * x))


def test_bireal_unit() -> None:
    unit = Unit(activation_estimator="approxsign")
    module, x = block(unit), images()
    y = x
    for name in ("unit1", "unit2"):
        weight = sign(named(module, f"{name}.conv.weight"))
        y = norm(module, f"{name}.norm", convolve(sign(y), weight)) + y
    assert_equal(module(x), y)


@pytest.mark.parametrize("size", [6, 7])
def test_bireal_unit_with_real_downsampling(size: int) -> None:
    module, x = block(Unit(), stride=2, width=2 * WIDTH, downsampling="real-1x1"), images(size=size)
    unit = module.get_submodule("unit1")
    y = convolve(sign(x), sign(named(unit, "conv.weight")), stride=2)
    short = convolve(halved(x), named(unit, "shortcut.conv.weight"))
    expected = norm(unit, "norm", y) + norm(unit, "shortcut.norm", short)
    assert_equal(unit(x), expected)


@pytest.mark.parametrize("groups", [2, 4])
def test_grouped_real_downsampling(groups: int) -> None:
    unit = block(
        Unit(), stride=2, width=2 * WIDTH, downsampling="real-1x1", downsampling_groups=groups
    ).get_submodule("unit1")
    shortcut, x = unit.get_submodule("shortcut"), images()
    weight = named(shortcut, "conv.weight")
    assert weight.shape == (2 * WIDTH, WIDTH // groups, 1, 1)
    expected = norm(shortcut, "norm", convolve(halved(x), weight, groups=groups))
    assert_equal(shortcut(x), expected)


def test_reactnet_unit() -> None:
    unit = Unit(threshold="learnable", weight_scale="mean-detached", nonlinearity="rprelu")
    module, x = block(unit), images()
    y = x
    for name in ("unit1", "unit2"):
        part = module.get_submodule(name)
        weight = named(part, "conv.weight")
        scaled = sign(weight) * weight.abs().mean((1, 2, 3), keepdim=True)
        binary = sign(y - channels(named(part, "threshold.weight")))
        y = norm(part, "norm", convolve(binary, scaled)) + y
        shifts = (named(part, f"nonlinearity.{n}") for n in ("weight", "shift_in", "shift_out"))
        y = rprelu(y, *shifts)
    assert_equal(module(x), y)


def test_reactnet_widening_duplicates_convolution_and_shortcut() -> None:
    module = block(Unit(), skeleton="mobilenet", stride=2, width=2 * WIDTH, widening="duplicate")
    x = images()
    first, second = module.get_submodule("unit1"), module.get_submodule("unit2")
    y = convolve(sign(x), sign(named(first, "conv.weight")), stride=2)
    y = norm(first, "norm", y) + halved(x)
    halves = [convolve(sign(y), sign(named(second, f"conv{index}.weight"))) for index in (1, 2)]
    expected = norm(second, "norm", torch.cat(halves, 1)) + torch.cat([y, y], 1)
    assert_equal(module(x), expected)


def test_real_to_binary_unit() -> None:
    unit = Unit(
        order="norm-sign-conv",
        weight_scale="learned",
        nonlinearity="prelu",
        placement="before-addition",
    )
    module, x = block(unit), images()
    y = x
    for name in ("unit1", "unit2"):
        part = module.get_submodule(name)
        weight = sign(named(part, "conv.weight")) * named(part, "conv.scale.weight")
        bent = convolve(sign(norm(part, "norm", y)), weight)
        y = torch.where(bent > 0, bent, channels(named(part, "nonlinearity.weight")) * bent) + y
    assert_equal(module(x), y)


def test_xnor_block_with_one_shortcut() -> None:
    unit = Unit(order="norm-sign-conv", weight_scale="mean", nonlinearity="relu", shortcut="block")
    module, x = block(unit), images()
    y = x
    for name in ("unit1", "unit2"):
        part = module.get_submodule(name)
        weight = named(part, "conv.weight")
        scaled = sign(weight) * weight.abs().mean((1, 2, 3), keepdim=True)
        y = convolve(sign(norm(part, "norm", y)), scaled)
        y = (y + x if name == "unit2" else y).clamp(min=0)
    assert_equal(module(x), y)


@pytest.mark.parametrize("placement", ["before-norm", "before-addition", "after-addition"])
@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("relu", lambda x: x.clamp(min=0)),
        ("hardtanh", lambda x: x.clamp(-1, 1)),
    ],
)
def test_nonlinearity_stands_where_it_is_placed(placement, kind, function) -> None:  # type: ignore[no-untyped-def]
    unit = block(Unit(nonlinearity=kind, placement=placement)).get_submodule("unit1")
    x = images()
    y = convolve(sign(x), sign(named(unit, "conv.weight")))
    y = function(y) if placement == "before-norm" else y
    y = norm(unit, "norm", y)
    y = function(y) if placement == "before-addition" else y
    y = y + x
    y = function(y) if placement == "after-addition" else y
    assert_equal(unit(x), y)


def test_shuffle_mixes_the_groups() -> None:
    unit = block(Unit(groups=4, shuffle=True)).get_submodule("unit1")
    x = images()
    y = convolve(sign(x), sign(named(unit, "conv.weight")), groups=4)
    # Channel j of group i goes to place 4 j + i.
    order = [i * (WIDTH // 4) + j for j in range(WIDTH // 4) for i in range(4)]
    assert_equal(unit(x), norm(unit, "norm", y[:, order]) + x)


def test_no_shortcut_adds_nothing() -> None:
    unit = block(Unit(shortcut="none")).get_submodule("unit1")
    x = images()
    y = convolve(sign(x), sign(named(unit, "conv.weight")))
    assert_equal(unit(x), norm(unit, "norm", y))


def test_channels_are_repeated_and_padded() -> None:
    x = images(channels=2)
    assert torch.equal(RepeatChannels(3)(x), torch.cat([x, x, x], 1))
    assert torch.equal(PadChannels(3)(x), torch.cat([x, x.new_zeros(3, 3, 6, 6)], 1))


class TestWeightScale:
    def convolution(self, scale: str) -> BinaryConv2d:
        conv = block(Unit(weight_scale=scale)).get_submodule("unit1.conv")  # type: ignore[arg-type]
        assert isinstance(conv, BinaryConv2d)
        return conv

    def gradient(self, weight: Tensor, effective: Tensor) -> Tensor:
        factor = torch.linspace(-1, 1, weight.numel(), dtype=weight.dtype).view_as(weight)
        return torch.autograd.grad((effective * factor).sum(), weight)[0]

    def clipped(self, w: Tensor) -> Tensor:
        """sign(w) with the gradient of the clamp, as the papers' code writes it."""
        clamped = w.clamp(-1, 1)
        return sign(w) - clamped.detach() + clamped

    @pytest.mark.parametrize("scale", ["none", "mean", "mean-detached", "learned"])
    def test_effective_weights_and_their_gradient(self, scale: str) -> None:
        conv = self.convolution(scale)
        w = conv.weight
        mean = w.abs().mean((1, 2, 3), keepdim=True)
        clamped = w.clamp(-1, 1)
        expected = {
            "none": lambda: self.clipped(w),
            "mean": lambda: self.clipped(w) * mean,
            # ReActNet's: the gradient of the clamp alone.
            "mean-detached": lambda: (sign(w) * mean).detach() - clamped.detach() + clamped,
            "learned": lambda: self.clipped(w) * named(conv, "scale.weight"),
        }[scale]()
        effective = conv.scale(conv.estimator(w), w)
        assert_equal(effective, expected)
        assert_equal(self.gradient(w, effective), self.gradient(w, expected))

    @pytest.mark.parametrize("start", [None, "median", "mean", "p75"])
    def test_learned_scale_starts_at_a_statistic_of_the_magnitudes(self, start: str | None) -> None:
        shape = Conv(
            name="conv",
            in_channels=4,
            out_channels=6,
            kernel_size=3,
            stride=1,
            groups=2,
            bits=1,
        )
        learned = Unit(weight_scale="learned", weight_scale_init=start)  # type: ignore[arg-type]
        with torch.random.fork_rng(devices=[]):
            module = BinaryConv2d(shape, learned, make("ste", "weights"))
        magnitudes = np.abs(module.weight.detach().numpy()).reshape(6, -1)
        expected = {
            None: magnitudes.mean(1),
            "mean": magnitudes.mean(1),
            "median": np.median(magnitudes, 1),
            "p75": np.percentile(magnitudes, 75, 1),
        }[start]
        found = named(module, "scale.weight").flatten()
        torch.testing.assert_close(found, torch.from_numpy(expected).float())
