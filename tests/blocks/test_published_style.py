"""This project's form of ReActNet's units against the published style that benchmarks time."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import load_design
from bnas.blocks import build

FILE = Path(__file__).parents[2] / "benchmarks" / "baselines" / "published_style.py"


@pytest.fixture
def baseline() -> nn.Module:
    spec = importlib.util.spec_from_file_location("published_style", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: nn.Module = module.PublishedNetwork()
    return network


def gradients(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    functional.cross_entropy(network(images), labels).backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def test_logits_and_gradients_are_those_of_the_published_style(baseline: nn.Module) -> None:
    ours = build(load_design("resnet20-reactnet").architecture, num_classes=10).double()
    baseline.double().load_state_dict(ours.state_dict())
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 16, 16, generator=generator, dtype=torch.float64)
    labels = torch.arange(4)
    torch.testing.assert_close(ours(images), baseline(images))
    torch.testing.assert_close(gradients(ours, images, labels), gradients(baseline, images, labels))
