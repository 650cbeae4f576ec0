"""States of trainings on disk: what follows a restored one is the same to the last bit."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bnas.data.memory import SearchData
from bnas.training import Recipe, checkpoints
from bnas.training.loop import EpochResult, Training, begin, train

Network = Callable[[], nn.Module]


def trained(
    training: Training, data: SearchData, recipe: Recipe, *, epochs: int
) -> list[EpochResult]:
    """Trains up to some epoch of six."""
    found: list[EpochResult] = []
    for result in train(training, data.train, recipe, epochs=6):
        found.append(result)
        if result.epoch == epochs:
            break
    return found


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"crop_padding": 1, "flip": True},
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "adamw", "weight_decay": 0.1, "label_smoothing": 0.1},
    ],
)
def test_a_restored_training_goes_on_as_if_nothing_had_happened(
    network: Network, data: SearchData, recipe: Recipe, tmp_path: Path, change: dict[str, Any]
) -> None:
    recipe = Recipe.model_validate(recipe.model_dump() | change)
    whole = begin(network(), recipe, seed=0)
    expected = trained(whole, data, recipe, epochs=6)

    cut = begin(network(), recipe, seed=0)
    trained(cut, data, recipe, epochs=3)
    checkpoints.write(tmp_path / "state.pt", checkpoints.state(cut))
    resumed = begin(network(), recipe, seed=1)
    saved = checkpoints.read(tmp_path / "state.pt")
    assert saved is not None
    checkpoints.restore(resumed, saved)

    assert trained(resumed, data, recipe, epochs=6) == expected[3:]
    states = zip(
        whole.model.state_dict().values(), resumed.model.state_dict().values(), strict=True
    )
    assert all(torch.equal(one, other) for one, other in states)


def damages() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "empty": lambda _: b"",
        "cut": lambda content: content[:-1],
        "one bit": lambda content: content[:-50] + bytes([content[-50] ^ 1]) + content[-49:],
        "not ours": lambda _: b"something else",
    }


@pytest.mark.parametrize("damage", damages())
def test_a_damaged_file_is_noticed(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.pt"
    checkpoints.write(path, {"weights": torch.arange(100.0)})
    path.write_bytes(damages()[damage](path.read_bytes()))
    assert checkpoints.read(path) is None


def test_nothing_but_tensors_and_plain_values_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoints.write(path, {"path": Path("harmless")})
    assert checkpoints.read(path) is None


def test_a_write_that_fails_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.pt"
    checkpoints.write(path, {"epoch": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        checkpoints.write(path, {"epoch": 2})
    assert checkpoints.read(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]
