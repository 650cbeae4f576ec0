"""A small problem that trains in milliseconds."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import nn

from bnas.data import LabelledImages
from bnas.data.memory import SearchData, search_data
from bnas.training import Recipe


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data() -> SearchData:
    """Three classes that differ in brightness, with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    noise = rng.integers(0, 60, (120, 4, 4, 2))
    pixels = (noise + 60 * labels[:, None, None, None]).astype(np.uint8)
    return search_data(LabelledImages(pixels=pixels, labels=labels), split_seed=0)


@pytest.fixture
def network() -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(11)
            return nn.Sequential(
                nn.Conv2d(2, 8, 3, bias=False),
                nn.BatchNorm2d(8),
                nn.PReLU(8),
                nn.Flatten(),
                nn.Linear(32, 3),
            )

    return build


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(
        optimizer="adam", learning_rate=0.01, schedule="cosine", warmup=0.1, batch_size=16
    )
