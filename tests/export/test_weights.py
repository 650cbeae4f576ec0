"""Trained networks as files: what is written is read, to the last bit, and takes few bytes."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load as read_tensors
from torch import Tensor, nn

import bnas
from bnas.architecture import Architecture, Design, load_design, published_names
from bnas.blocks import BinaryConv2d
from bnas.blocks.precision import set_weights
from bnas.cost import ledger
from bnas.definitions import available
from bnas.errors import InvalidConfiguration
from bnas.estimators import sign
from bnas.export.facts import Normalisation, TestResult, TrainedFacts, Training
from bnas.export.loading import TrainedNetwork, load
from bnas.export.packing import packed, unpacked
from bnas.export.weights import write_network
from bnas.space import load_space
from tests.export.conftest import DESIGN, NORMALISATION, network_of

# Each has something that the others lack; all of them are among the slow tests.
QUICK = ("binaryduo-resnet18", "real-to-binary-resnet18", "resnet20-reactnet", "vgg-small")
SAMPLES = 2


def pixels(design: Design, number: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (number, design.in_channels, design.image_size, design.image_size)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def logits(network: nn.Module, design: Design) -> Tensor:
    """What a network in memory makes of pixels, normalised by hand."""
    mean, deviation = (
        torch.tensor(values[: design.in_channels])[:, None, None]
        for values in ((100.5, 0.1, 30.0), (50.25, 1 / 3, 90.0))
    )
    with torch.no_grad():
        result: Tensor = network((pixels(design).float() - mean) / deviation)
    return result


def loaded(network: nn.Module, design: Design, folder: Path) -> TrainedFacts:
    """Writes a network and demands that both of its forms compute the same again."""
    norm = Normalisation(
        mean=(100.5, 0.1, 30.0)[: design.in_channels],
        deviation=(50.25, 1 / 3, 90.0)[: design.in_channels],
    )
    facts = write_network(folder, network, design=design, normalisation=norm)
    expected = logits(network, design)
    assert torch.isfinite(expected).all()
    with torch.no_grad():
        assert torch.equal(load(folder)(pixels(design)), expected)
        assert torch.equal(load(folder, latent=True)(pixels(design)), expected)
    return facts


def tensor_bytes(path: Path) -> int:
    return sum(t.numel() * t.element_size() for t in read_tensors(path.read_bytes()).values())


def deployed_bytes(architecture: Architecture, design: Design) -> int:
    """The ledger's packed bytes and what the file keeps beyond them.

    A norm has four values a channel, of which a deployed engine needs two; the weights of an 8-bit
    convolution are kept in four bytes, and the range of its inputs in one more value.
    """
    priced = ledger(
        architecture,
        image_size=design.image_size,
        num_classes=design.num_classes,
        in_channels=design.in_channels,
    )
    norms = sum(layer.packed_bytes for layer in priced.layers if layer.kind == "norm")
    eight_bit = [layer.packed_bytes for layer in priced.layers if layer.kind == "8-bit-conv"]
    return priced.totals.packed_bytes + norms + 3 * sum(eight_bit) + 4 * len(eight_bit)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in published_names()
    ],
)
def test_a_published_design_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    found = load_design(name)
    size = 32 if found.image_size == 32 else 64
    design = Design(name=name, architecture=found.architecture, image_size=size, num_classes=10)
    facts = loaded(network_of(design), design, tmp_path)
    assert facts.design == design
    weights = tmp_path / "weights.safetensors"
    assert tensor_bytes(weights) == deployed_bytes(found.architecture, design)
    assert facts.weights.bytes == weights.stat().st_size


@pytest.mark.parametrize("space", available("search_spaces"))
def test_sampled_designs_are_read_as_they_were_written(space: str, tmp_path: Path) -> None:
    for number, architecture in enumerate(islice(small_designs(space), SAMPLES)):
        design = Design(
            name=str(number),
            architecture=architecture,
            image_size=16,
            num_classes=7,
            in_channels=1,
        )
        folder = tmp_path / str(number)
        loaded(network_of(design), design, folder)
        found = tensor_bytes(folder / "weights.safetensors")
        assert found == deployed_bytes(architecture, design)


def small_designs(name: str) -> Iterator[Architecture]:
    """Designs of a space with few enough weights to be built in a moment."""
    space = load_space(name)
    generator = np.random.default_rng(4)
    while True:
        architecture = space.sample(generator)
        if ledger(architecture, image_size=16, num_classes=7).totals.binary_params < 1e6:
            yield architecture


def test_the_bits_are_those_of_the_signs() -> None:
    generator = torch.Generator().manual_seed(2)
    weight = sign(torch.randn(3, 5, 3, 3, generator=generator)).to(
        memory_format=torch.channels_last
    )
    bits = packed(weight)
    assert bits.shape == (17,)
    for place, value in enumerate(weight.contiguous().flatten().tolist()):
        assert (int(bits[place // 8]) >> place % 8) & 1 == (value > 0)
    assert bits[16].item() < 128, "what is behind the last weight is zero"
    assert torch.equal(unpacked(bits, weight.shape), weight)


def test_zero_and_revived_weights_have_the_sign_that_the_forward_pass_gives_them(
    written: Path,
) -> None:
    network = network_of(DESIGN)
    stage = network.get_submodule("stage1.block1.unit1")
    conv = stage.get_submodule("conv")
    assert isinstance(conv, BinaryConv2d)
    with torch.no_grad():
        # ReCU centres the weights: their own signs are others.
        conv.weight.add_(2)
        conv.weight[0, 0, 0, 0] = 0.0
    write_network(written, network, design=DESIGN, normalisation=NORMALISATION)
    deployed = load(written).network.get_submodule("stage1.block1.unit1.conv")
    assert isinstance(deployed, BinaryConv2d)
    assert torch.equal(deployed.weight, conv.estimator(conv.weight))
    assert set(deployed.weight.flatten().tolist()) == {-1.0, 1.0}


def test_the_same_network_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    write_network(again, network_of(DESIGN), design=DESIGN, normalisation=NORMALISATION)
    for path in written.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_it_is_left_as_it_was(tmp_path: Path) -> None:
    network = network_of(DESIGN).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    write_network(tmp_path, network, design=DESIGN, normalisation=NORMALISATION)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_facts_are_kept(tmp_path: Path) -> None:
    training = Training(
        evaluator="digits", data="digits", split_seed=3, epochs=4, seed=5, recipe={"flip": True}
    )
    test = TestResult(accuracy=0.9, loss=0.25, images=300)
    write_network(
        tmp_path,
        network_of(DESIGN),
        design=DESIGN,
        normalisation=NORMALISATION,
        training=training,
        test=test,
        latent=False,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "design.json",
        "weights.safetensors",
    ]
    network = bnas.load(tmp_path / "weights.safetensors")
    assert isinstance(network, TrainedNetwork)
    assert not network.training
    assert network.design == DESIGN
    assert (network.facts.training, network.facts.test) == (training, test)
    assert network.facts.normalisation == NORMALISATION
    assert network.facts.versions["bnas"] == bnas.__version__
    assert not any(parameter.requires_grad for parameter in network.parameters())
    written = json.loads((tmp_path / "design.json").read_text())
    assert (written["schema"], written["digest"]) == (1, bnas.digest(DESIGN.architecture))


@pytest.mark.parametrize("letter", ["a", "ж", "\U0001f600"])
def test_names_of_classes_never_make_a_network_unreadable(letter: str, tmp_path: Path) -> None:
    for length in (1, 500, 50_000):
        names = tuple(f"{letter * length}{number}" for number in range(DESIGN.num_classes))
        write_network(
            tmp_path,
            network_of(DESIGN),
            design=DESIGN,
            normalisation=NORMALISATION,
            class_names=names,
        )
        assert load(tmp_path).facts.class_names == (names if length < 1000 else None)


def test_latent_weights_can_be_trained_further(written: Path) -> None:
    network = load(written, latent=True)
    images = pixels(DESIGN, 4).float()
    network.train()(images).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_nothing_random_is_touched(written: Path, untouched_global_random: None) -> None:
    load(written)


def test_real_weights_are_not_deployed(tmp_path: Path) -> None:
    network = network_of(DESIGN)
    set_weights(network, "real")
    with pytest.raises(InvalidConfiguration, match="must have binary weights"):
        write_network(tmp_path, network, design=DESIGN, normalisation=NORMALISATION)
