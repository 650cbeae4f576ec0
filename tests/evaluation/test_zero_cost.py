"""Zero-cost scores against hand computations and NumPy twins."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas import blocks
from bnas.architecture import Architecture, Stage, Stem, Unit, valid
from bnas.blocks.activations import RPReLU
from bnas.cost import ledger
from bnas.data import Facts, read
from bnas.data.memory import SearchData, search_data
from bnas.errors import EvaluationFailed
from bnas.evaluation.zero_cost.flow import synflow
from bnas.evaluation.zero_cost.gradients import gradient_norm, jacobian_covariance
from bnas.evaluation.zero_cost.patterns import agreements, naswot
from bnas.evaluation.zero_cost.scores import score

CHAIN = Unit(shortcut="none")
BENT = Unit(nonlinearity="rprelu", placement="after-addition", threshold="learnable")
FACTS = Facts(image_size=8, in_channels=1, num_classes=10)


def design(unit: Unit = BENT, *, depth: int = 1, width: int = 8) -> Architecture:
    downsampling = None if unit.shortcut == "none" else "real-1x1"
    stages = (
        Stage(depth=depth, width=width, unit=unit),
        Stage(depth=1, width=2 * width, stride=2, downsampling=downsampling, unit=unit),  # type: ignore[arg-type]
    )
    return valid(Architecture(skeleton="resnet", stem=Stem(width=width), stages=stages))


def network(architecture: Architecture | None = None, *, seed: int = 0) -> nn.Module:
    return blocks.build(architecture or design(), in_channels=1, num_classes=10, seed=seed)


def images(number: int = 5) -> Tensor:
    return torch.randn(number, 1, 8, 8, generator=torch.Generator().manual_seed(3))


def labels(number: int = 5) -> Tensor:
    return torch.arange(number) % 10


class Bent(nn.Module):
    """A two-layer network with a bend between."""

    def __init__(self, bend: nn.Module, weight: Tensor) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.first = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.first.weight = nn.Parameter(weight)
        self.bend = bend

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.bend(self.first(self.flatten(x))[:, :, None, None])
        return hidden.flatten(1)


def bent(bend: nn.Module) -> Bent:
    return Bent(bend, torch.randn(7, 64, generator=torch.Generator().manual_seed(1)) / 8)


class TestGradientNorm:
    def test_it_is_the_sum_of_the_norms_of_finite_differences(self) -> None:
        x_ND = images(3).double().flatten(1)
        y_N = labels(3)
        linear = nn.Linear(64, 10, bias=True).double()
        with torch.no_grad():
            linear.weight.copy_(torch.linspace(-1, 1, 640).view(10, 64))
            linear.bias.zero_()
        gradient = np.zeros(640)
        step = 1e-5
        for index in range(640):
            losses = []
            for sign in (1, -1):
                weight = linear.weight.detach().clone().flatten()
                weight[index] += sign * step
                logits = x_ND @ weight.view(10, 64).T
                losses.append(float(functional.cross_entropy(logits, y_N)))
            gradient[index] = (losses[0] - losses[1]) / (2 * step)
        found = gradient_norm(linear, x_ND, y_N)
        assert found == pytest.approx(np.linalg.norm(gradient), rel=1e-6)

    def test_layers_add_up_and_the_latent_weights_of_binary_ones_are_among_them(self) -> None:
        net, x_NCHW, y_N = network(), images(), labels()
        twin = network().train()
        functional.cross_entropy(twin(x_NCHW), y_N).backward()
        norms = {
            name: float(p.grad.norm())
            for name, p in twin.named_parameters()
            if p.grad is not None and p.dim() > 1
        }
        assert sum("unit1.conv" in name for name in norms) == 2
        assert gradient_norm(net, x_NCHW, y_N) == pytest.approx(sum(norms.values()), rel=1e-6)


class TestJacobianCovariance:
    def test_it_is_that_of_a_numpy_twin(self) -> None:
        net = bent(nn.ReLU()).double()
        x_NCHW = images(4).double()
        weight = net.first.weight.detach().numpy()
        hidden = x_NCHW.flatten(1).numpy() @ weight.T
        jacobian = (hidden > 0).astype(float) @ weight
        eigenvalues = np.linalg.eigvalsh(np.corrcoef(jacobian))
        expected = -np.sum(np.log(eigenvalues + 1e-5) + 1 / (eigenvalues + 1e-5))
        assert jacobian_covariance(net, x_NCHW) == pytest.approx(expected, rel=1e-8)

    def test_images_without_a_gradient_are_refused(self) -> None:
        net = bent(nn.ReLU())
        x_NCHW = images(3)
        with torch.no_grad():
            net.first.weight.zero_()
        with pytest.raises(EvaluationFailed) as caught:
            jacobian_covariance(net, x_NCHW)
        assert str(caught.value) == (
            "a Jacobian covariance needs a gradient for every image, but one of them has none; "
            "leave the score out for this architecture"
        )


def kernel(codes: np.ndarray) -> np.ndarray:
    """Equal bits of each pair, counted one by one."""
    number = len(codes)
    counts = np.zeros((number, number))
    for i, j in itertools.product(range(number), repeat=2):
        counts[i, j] = sum(a == b for a, b in zip(codes[i], codes[j], strict=True))
    return counts


class TestNaswot:
    def test_agreements_are_counted(self) -> None:
        codes = torch.rand(6, 11, generator=torch.Generator().manual_seed(0)) > 0.4
        assert np.array_equal(agreements(codes).numpy(), kernel(codes.numpy()))

    @pytest.mark.parametrize(
        ("bend", "limits"), [(nn.ReLU(), (0.0,)), (nn.Hardtanh(), (-1.0, 1.0)), (RPReLU(7), (0.2,))]
    )
    def test_it_is_the_kernel_by_brute_force(
        self, bend: nn.Module, limits: tuple[float, ...]
    ) -> None:
        if isinstance(bend, RPReLU):
            nn.init.constant_(bend.shift_in, 0.2)
        net, x_NCHW = bent(bend), images(4)
        with torch.no_grad():
            hidden = net.first(x_NCHW.flatten(1)).numpy()
        codes = np.concatenate([hidden > limit for limit in limits], axis=1)
        expected = np.linalg.slogdet(kernel(codes))[1]
        assert naswot(net, x_NCHW) == pytest.approx(expected, rel=1e-12)

    def test_signs_and_bends_of_a_binary_network_are_its_bits(self) -> None:
        # Two blocks of two units each at 8x8 and 4x4; each unit has a sign in front and a bend
        # behind.
        before = 3 * 8 * 64 + 16 * 16
        behind = 2 * 8 * 64 + 2 * 16 * 16
        net, x_NCHW = network(), images(2)
        seen: list[Tensor] = []
        twin = network().train()
        for name, module in twin.named_modules():
            if name.endswith((".sign", ".nonlinearity")) and "shortcut" not in name:
                of_input = name.endswith(".nonlinearity")
                module.register_forward_hook(
                    lambda _, inputs, output, of_input=of_input: seen.append(
                        (inputs[0] if of_input else output) > 0
                    )
                )
        twin(x_NCHW)
        codes = torch.cat([bit.flatten(1) for bit in seen], 1).numpy()
        assert codes.shape[1] == before + behind
        expected = np.linalg.slogdet(kernel(codes))[1]
        assert naswot(net, x_NCHW) == pytest.approx(expected, rel=1e-12)

    def test_equal_images_have_no_volume(self) -> None:
        assert naswot(network(), images(1).repeat(3, 1, 1, 1)) == -math.inf


class TestSynflow:
    def test_a_linear_network_conserves_its_flow(self) -> None:
        first, second = torch.tensor([[1.0, -2.0], [3.0, 0.5]]), torch.tensor([[-1.0, 4.0]])
        net = nn.Sequential(
            nn.Conv2d(2, 2, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1)
        )
        with torch.no_grad():
            net.get_parameter("0.weight").copy_(first[:, :, None, None])
            net.get_parameter("3.weight").copy_(second)
            net.get_parameter("3.bias").fill_(7.0)
        # |W2| |W1| 1 = 1 (1 + 2) + 4 (3 + 0.5) = 17, once for each of the two layers.
        assert synflow(net, in_channels=2, image_size=1) == pytest.approx(math.log(2 * 17))

    def test_a_chain_of_binary_layers_has_the_flow_once_for_each(self) -> None:
        net = network(design(CHAIN))
        parts = dict(net.named_modules())
        x = torch.ones(1, 1, 8, 8, dtype=torch.float64)
        convs = [p for p in parts.values() if hasattr(p, "weight") and p.weight.dim() == 4]
        for conv in convs:
            weight = conv.weight.detach().double().abs()
            x = functional.conv2d(x, weight, stride=conv.stride, padding=conv.padding)
        weight = net.get_parameter("classifier.weight").detach().double().abs()
        flow = float((weight @ x.mean((0, 2, 3))).sum())
        expected = math.log((len(convs) + 1) * flow)
        assert synflow(net, in_channels=1, image_size=8) == pytest.approx(expected, rel=1e-12)

    def test_what_is_not_linear_does_not_matter(self) -> None:
        plain = synflow(network(design(Unit())), in_channels=1, image_size=8)
        for unit in (BENT, Unit(activation_estimator="approxsign", weight_scale="mean")):
            found = synflow(network(design(unit)), in_channels=1, image_size=8)
            assert found == pytest.approx(plain, rel=1e-12)

    def test_a_flow_beyond_floats_is_refused(self) -> None:
        layers = [nn.Conv2d(1, 1, 1, bias=False) for _ in range(2)]
        for layer in layers:
            nn.init.constant_(layer.weight, 1e30)
        net = nn.Sequential(*(layers * 6)).double()
        with pytest.raises(EvaluationFailed) as caught:
            synflow(net, in_channels=1, image_size=1)
        assert str(caught.value) == (
            "a synaptic flow must be finite, but is inf; leave the score out for this architecture"
        )


SCORES: dict[str, Callable[[nn.Module], float]] = {
    "grad-norm": lambda net: gradient_norm(net, images(), labels()),
    "jacobian-covariance": lambda net: jacobian_covariance(net, images()),
    "naswot": lambda net: naswot(net, images()),
    "synflow": lambda net: synflow(net, in_channels=1, image_size=8),
}


@pytest.mark.usefixtures("untouched_global_random")
@pytest.mark.parametrize("name", SCORES)
def test_the_network_is_left_as_it_is(name: str) -> None:
    net = network()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    SCORES[name](net.eval())
    assert not net.training
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.fixture(scope="module")
def digits() -> SearchData:
    return search_data(read("digits"), split_seed=0)


@pytest.mark.usefixtures("untouched_global_random")
@pytest.mark.parametrize("name", [*SCORES, "params", "ops"])
class TestScore:
    def found(self, digits: SearchData, name: str, *seeds: int, **changes: object) -> float:
        architecture = design(replace(BENT, **changes))  # type: ignore[arg-type]
        settings = {"examples": digits.train, "facts": FACTS, "batch_size": 16, "seeds": seeds}
        return score(name, architecture, **settings)  # type: ignore[arg-type]

    def test_a_seed_gives_the_same_bits(self, digits: SearchData, name: str) -> None:
        assert self.found(digits, name, 4) == self.found(digits, name, 4)

    def test_seeds_are_averaged(self, digits: SearchData, name: str) -> None:
        one, other = self.found(digits, name, 4), self.found(digits, name, 5)
        assert (one == other) == (name in {"params", "ops"})
        assert self.found(digits, name, 4, 5) == pytest.approx((one + other) / 2)

    @pytest.mark.parametrize(
        "changes",
        [
            {"activation_levels": "unsigned", "activation_estimator": None, "threshold": None},
            {
                "activation_levels": "paired",
                "activation_estimator": None,
                "threshold": None,
                "order": "norm-sign-conv",
            },
            {"attention": "data-driven", "padding": "one"},
            {"groups": 4, "shuffle": True, "mix": True, "weight_estimator": "recu"},
        ],
    )
    def test_every_kind_of_design_has_one(
        self, digits: SearchData, name: str, changes: dict[str, object]
    ) -> None:
        assert math.isfinite(self.found(digits, name, 0, **changes))


def test_costs_are_those_of_the_ledger(digits: SearchData) -> None:
    totals = ledger(design(), image_size=8, num_classes=10, in_channels=1).totals
    settings = {"examples": digits.train, "facts": FACTS, "batch_size": 16, "seeds": (0,)}
    assert score("ops", design(), **settings) == totals.value("ops")  # type: ignore[arg-type]
    params = totals.value("binary_params") + totals.value("real_params")
    assert score("params", design(), **settings) == params  # type: ignore[arg-type]
