"""The built network does exactly what the cost ledger charges, layer by layer."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bnas.architecture import Architecture, load_design, published_names
from bnas.blocks import BinaryConv2d, build
from bnas.blocks.activations import PReLU, RPReLU, Threshold, TwoSlopePReLU
from bnas.blocks.convolution import DetachedMeanScale, LearnedScale, MeanScale
from bnas.blocks.eight_bit import EightBitConv2d
from bnas.cost import ledger
from bnas.definitions import available
from bnas.space import load_space

SPACES = available("search_spaces")
SAMPLES = 2
SIZES = (8, 32, 224, 9, 31, 97, 1)

# Element-wise work without parameters, which may be a function call.
WITHOUT_A_MODULE = ("sign", "addition", "pooling", "attention")

CONVOLUTIONS = ("binary-conv", "8-bit-conv", "real-conv")
ACE = {"binary-conv": 1, "8-bit-conv": 64, "real-conv": 256, "linear": 256}

Row = dict[str, Any]


def binary_conv(module: BinaryConv2d, x: Tensor, y: Tensor) -> Row:
    return {"kind": "binary-conv", **convolution(module.weight, module.groups, x, y)}


def real_conv(module: nn.Conv2d, x: Tensor, y: Tensor) -> Row:
    return {"kind": "real-conv", **convolution(module.weight, module.groups, x, y)}


def eight_bit_conv(module: EightBitConv2d, x: Tensor, y: Tensor) -> Row:
    return {"kind": "8-bit-conv", **convolution(module.weight, module.groups, x, y)}


def convolution(weight: Tensor, groups: int, x: Tensor, y: Tensor) -> Row:
    assert y.shape[2] == y.shape[3]
    return {
        "in_channels": x.shape[1],
        "out_channels": y.shape[1],
        "out_size": y.shape[2],
        "kernel_size": weight.shape[2],
        "groups": groups,
        "macs": y[0].numel() * weight[0].numel(),
    }


def linear(module: nn.Linear, x: Tensor, y: Tensor) -> Row:
    return {
        "kind": "linear",
        "in_channels": x.shape[1],
        "out_channels": y.shape[1],
        "out_size": 1,
        "macs": module.weight.numel(),
    }


def channelwise(kind: str) -> Callable[[nn.Module, Tensor, Tensor], Row]:
    def row(module: nn.Module, x: Tensor, y: Tensor) -> Row:
        assert x.shape == y.shape
        channels = y.shape[0] if kind == "scale" else y.shape[1]
        return {"kind": kind, "in_channels": channels, "out_channels": channels}

    return row


MEASURES: dict[type[nn.Module], Callable[..., Row]] = {
    BinaryConv2d: binary_conv,
    EightBitConv2d: eight_bit_conv,
    nn.Conv2d: real_conv,
    nn.Linear: linear,
    nn.BatchNorm2d: channelwise("norm"),
    Threshold: channelwise("threshold"),
    **dict.fromkeys((MeanScale, DetachedMeanScale, LearnedScale), channelwise("scale")),
    **dict.fromkeys(
        (nn.ReLU, nn.Hardtanh, PReLU, RPReLU, TwoSlopePReLU), channelwise("nonlinearity")
    ),
}


def trace(network: nn.Module, images: Tensor) -> dict[str, Row]:
    """A row for every module that the ledger has to know, by name, as it ran."""
    rows: dict[str, Row] = {}

    def watch(name: str) -> None:
        def hook(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            assert name not in rows, "a module ran twice"
            row = MEASURES[type(module)](module, arguments[0], output)
            row["parameters"] = sum(p.numel() for p in module.parameters(recurse=False))
            rows[name] = row

        network.get_submodule(name).register_forward_hook(hook)

    for name, module in network.named_modules():
        if type(module) in MEASURES:
            watch(name)
    network(images)
    return rows


def charged(architecture: Architecture, size: int, classes: int, channels: int) -> dict[str, Row]:
    """The ledger's rows in the terms of `trace`."""
    priced = ledger(architecture, image_size=size, num_classes=classes, in_channels=channels)
    rows: dict[str, Row] = {}
    for layer in priced.layers:
        if layer.kind in WITHOUT_A_MODULE:
            continue
        row: Row = {
            "kind": layer.kind,
            "in_channels": layer.in_channels,
            "out_channels": layer.out_channels,
            "parameters": layer.binary_params + layer.real_params,
        }
        if layer.kind in CONVOLUTIONS:
            row.update(kernel_size=layer.kernel_size, groups=layer.groups)
        if layer.kind in (*CONVOLUTIONS, "linear"):
            row.update(macs=layer.bops + layer.flops, out_size=layer.out_size)
        # Binary where the module binarises, real everywhere else.
        assert (layer.bops > 0) == (layer.kind == "binary-conv")
        assert (layer.binary_params > 0) == (layer.kind == "binary-conv")
        assert layer.name not in rows
        rows[layer.name] = row
    return rows


def deployed_parameters(network: nn.Module) -> int:
    """All parameters but the sharpness of estimators, which only the backward pass reads."""
    return sum(p.numel() for name, p in network.named_parameters() if "sharpness" not in name)


def packed_bytes(row: Row) -> int:
    """One bit a binary weight in whole bytes, four bytes a real value; mean scales are deployed."""
    if row["kind"] == "binary-conv":
        return -(-int(row["parameters"]) // 8)
    if row["kind"] == "8-bit-conv":
        return int(row["parameters"])
    return 4 * int(row["out_channels"] if row["kind"] == "scale" else row["parameters"])


def assert_charged_in_full(
    architecture: Architecture, *, size: int, classes: int, channels: int, device: str = "meta"
) -> None:
    with torch.device(device):
        network = build(
            architecture, num_classes=classes, in_channels=channels, image_size=size
        ).eval()
        images = torch.zeros(1, channels, size, size)
    with FlopCounterMode(display=False) as counter:
        rows = trace(network, images)
    assert rows == charged(architecture, size, classes, channels)

    totals = ledger(architecture, image_size=size, num_classes=classes, in_channels=channels).totals
    # The independent oracle; it counts two operations for a MAC.
    assert counter.get_total_flops() == 2 * (totals.bops + totals.flops)
    macs = [(row["kind"], row["macs"]) for row in rows.values() if "macs" in row]
    assert totals.bops == sum(count for kind, count in macs if kind == "binary-conv")
    assert totals.ace == sum(count * ACE[kind] for kind, count in macs)
    assert totals.binary_params + totals.real_params == deployed_parameters(network)
    assert totals.packed_bytes == sum(packed_bytes(row) for row in rows.values())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("space", SPACES)
def test_sampled_networks_do_what_the_ledger_charges(space: str, size: int) -> None:
    rng = np.random.default_rng([size, *space.encode()])
    searched = load_space(space)
    for _ in range(SAMPLES):
        classes, channels = int(rng.integers(2, 30)), int(rng.integers(1, 5))
        architecture = searched.sample(rng)
        assert_charged_in_full(architecture, size=size, classes=classes, channels=channels)


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
def test_many_sampled_networks_do_what_the_ledger_charges(space: str) -> None:
    rng = np.random.default_rng([1, *space.encode()])
    searched = load_space(space)
    for _ in range(150):
        size = int(rng.integers(1, 100))
        assert_charged_in_full(searched.sample(rng), size=size, classes=10, channels=3)


@pytest.mark.parametrize("space", SPACES)
def test_networks_on_the_cpu_do_what_the_ledger_charges(space: str) -> None:
    rng = np.random.default_rng([0, *space.encode()])
    searched = load_space(space)
    bound = 3e6  # keeps the test short
    samples = (searched.sample(rng) for _ in range(1000))
    small = (
        sample
        for sample in samples
        if ledger(sample, image_size=9, num_classes=10).totals.binary_params < bound
    )
    for architecture in islice(small, 4):
        assert_charged_in_full(architecture, size=9, classes=10, channels=3, device="cpu")


@pytest.mark.parametrize("space", SPACES)
def test_first_candidates_do_what_the_ledger_charges(space: str) -> None:
    for _, architecture in load_space(space).first_candidates:
        assert_charged_in_full(architecture, size=8, classes=10, channels=1)


@pytest.mark.parametrize("name", published_names())
def test_published_networks_do_what_the_ledger_charges(name: str) -> None:
    design = load_design(name)
    for size in (design.image_size, 33):
        assert_charged_in_full(
            design.architecture,
            size=size,
            classes=design.num_classes,
            channels=design.in_channels,
        )
