"""Data sets of the hub, with a stand-in for its library: no test needs a network."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from bnas.data import read
from bnas.errors import InvalidData
from tests.data.writing import pixels


class Image:
    """A column of images."""


class ClassLabel:
    """A column of labels."""

    names = ("cat", "dog")


class Split(list[dict[str, Any]]):
    """Rows, and what their columns are."""

    def __init__(self, rows: list[dict[str, Any]], features: dict[str, Any]) -> None:
        super().__init__(rows)
        self.features = features

    def __getitem__(self, column: Any) -> Any:
        return [row[column] for row in self]


def split(num_images: int, channels: int = 3, **features: Any) -> Split:
    x = pixels(num_images, 6, channels)
    images = [Pillow.fromarray(image[..., 0] if channels == 1 else image) for image in x]
    rows = [{"img": image, "label": number % 2} for number, image in enumerate(images)]
    return Split(rows, features or {"img": Image(), "label": ClassLabel()})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the stand-in has, by name."""
    held: dict[str, Any] = {}

    def load_dataset(name: str) -> Any:
        if name not in held:
            raise FileNotFoundError(f"Dataset {name!r} doesn't exist")
        return held[name]

    module = ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    exceptions = ModuleType("datasets.exceptions")
    exceptions.DatasetsError = type("DatasetsError", (Exception,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setitem(sys.modules, "datasets.exceptions", exceptions)
    return held


def message(name: str) -> str:
    with pytest.raises(InvalidData) as caught:
        read(name)
    return str(caught.value)


@pytest.mark.parametrize("held_out", ["test", "validation"])
@pytest.mark.parametrize("channels", [1, 3])
def test_reads_the_splits(hub: dict[str, Any], held_out: str, channels: int) -> None:
    hub["pets"] = {"train": split(20, channels), held_out: split(4, channels)}
    images = read("hf:pets")
    assert np.array_equal(images.pixels[:20], pixels(20, 6, channels))
    assert images.labels.tolist() == [0, 1] * 12
    assert images.num_test == 4
    assert images.class_names == ("cat", "dog")


def test_labels_that_are_kept_back(hub: dict[str, Any]) -> None:
    hidden = split(6)
    for row in hidden:
        row["label"] = -1
    hub["pets"] = {"train": split(20), "test": hidden, "validation": split(4)}
    assert read("hf:pets").num_test == 4


class Damaged(Split):
    """Its images cannot be decoded."""

    def __iter__(self) -> Any:
        raise OSError("image file is truncated")

    def __getitem__(self, column: Any) -> Any:
        return [row[column] for row in list.__iter__(self)]


def test_a_damaged_image(hub: dict[str, Any]) -> None:
    whole = split(20)
    hub["pets"] = {"train": Damaged(list(whole), whole.features)}
    assert message("hf:pets") == (
        "hf:pets: all images must be readable, but image file is truncated; choose another data set"
    )


def test_images_are_resized(hub: dict[str, Any]) -> None:
    hub["pets"] = {"train": split(20)}
    assert read("hf:pets", image_size=3).pixels.shape == (20, 3, 3, 3)


def test_what_is_not_there(hub: dict[str, Any]) -> None:
    assert message("hf:pets") == (
        "hf:pets: the data set must be one that the hub gives, but Dataset 'pets' doesn't exist; "
        "correct the name or the connection"
    )


def test_no_split_to_train_on(hub: dict[str, Any]) -> None:
    hub["pets"] = {"test": split(4)}
    assert message("hf:pets") == (
        "hf:pets: the data set must have a split 'train', but has 'test'; choose another one"
    )


def test_no_images(hub: dict[str, Any]) -> None:
    hub["pets"] = {"train": split(4, text=SimpleNamespace(), label=ClassLabel())}
    assert message("hf:pets") == (
        "hf:pets: the data set must have a column of the kind Image, but has text "
        "(SimpleNamespace), label (ClassLabel); choose one for classifying images"
    )


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert message("hf:pets") == (
        "hf:pets: data sets of the hub need the package datasets, but it is not installed; install "
        "it with `pip install datasets`"
    )
