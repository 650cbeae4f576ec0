"""Losses against NumPy."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from bnas.training import Recipe
from bnas.training.augmentation import Mixed
from bnas.training.objective import cross_entropy, distributional_loss, objective

Values = npt.NDArray[np.float64]


def log_softmax(logits: Tensor) -> Values:
    values = logits.numpy()
    shifted = values - values.max(axis=1, keepdims=True)
    result: Values = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def taught() -> Tensor:
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


LABELS = torch.arange(7) % 5
PARTNERS = (torch.arange(7) + 3) % 5


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("share", [None, 0.3])
def test_cross_entropy(logits: Tensor, smoothing: float, share: float | None) -> None:
    target = np.eye(5)[LABELS]
    mixed = None
    if share is not None:
        target = share * target + (1 - share) * np.eye(5)[PARTNERS]
        mixed = Mixed(PARTNERS, share)
    target = (1 - smoothing) * target + smoothing / 5
    expected = -(target * log_softmax(logits)).sum(axis=1).mean()
    found = cross_entropy(logits, LABELS, smoothing, mixed=mixed)
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_distributional_loss(logits: Tensor, taught: Tensor) -> None:
    log_q, log_p = log_softmax(taught), log_softmax(logits)
    expected = (np.exp(log_q) * (log_q - log_p)).sum(axis=1).mean()
    assert distributional_loss(logits, taught).item() == pytest.approx(expected, rel=1e-12)


def test_distributional_loss_is_zero_where_both_agree(logits: Tensor) -> None:
    assert distributional_loss(logits, logits + 3).item() == pytest.approx(0, abs=1e-15)


def test_distributional_loss_survives_a_certain_teacher(logits: Tensor) -> None:
    sure = torch.full((7, 5), -1000.0, dtype=torch.float64)
    sure[:, 2] = 1000.0
    expected = -log_softmax(logits)[:, 2].mean()
    assert distributional_loss(logits, sure).item() == pytest.approx(expected, rel=1e-12)


def test_a_teacher_replaces_the_labels_or_is_added_to_them(
    recipe: Recipe, logits: Tensor, taught: Tensor
) -> None:
    def loss(**teacher: float) -> float:
        whole = Recipe.model_validate(recipe.model_dump() | {"teacher": teacher})
        return objective(logits, LABELS, whole, teacher_NK=taught).item()

    alone = distributional_loss(logits, taught).item()
    label = cross_entropy(logits, LABELS).item()
    assert loss() == alone
    assert loss(weight=2.5) == pytest.approx(label + 2.5 * alone, rel=1e-12)
    assert objective(logits, LABELS, recipe).item() == label
    assert not math.isclose(label, alone)
