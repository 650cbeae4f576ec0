"""Images brought to one size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnas.data import Facts, read
from bnas.data.resizing import fitted, resized
from tests.data.writing import pixels, write_folder


def test_of_equal_size_nothing_changes() -> None:
    x = pixels(3, 8)
    assert resized(x, 8) is x


@pytest.mark.parametrize("height", [8, 12])
def test_halving_is_a_triangle_over_four_pixels(height: int) -> None:
    x = pixels(1, 12)[:, :height]
    found = resized(x, height // 2)
    top, left = 0, (12 - height) // 2
    square = x[0, top : top + height, left : left + height].astype(float)
    weights = np.array([1, 3, 3, 1]) / 8
    window = square[1:5, 1:5]
    expected = np.einsum("hwc,h,w->c", window, weights, weights)
    assert np.abs(found[0, 1, 1] - expected).max() <= 1


def test_the_middle_of_the_longer_side_is_kept() -> None:
    x = np.zeros((1, 4, 10, 1), np.uint8)
    x[:, :, 3:7] = 200
    assert (resized(x, 4) == 200).all()


def test_a_larger_shorter_side_zooms_in() -> None:
    image = Image.fromarray(pixels(1, 16)[0])
    zoomed = fitted(image, 8, shorter_side=16)
    assert np.array_equal(np.asarray(zoomed), np.asarray(image)[4:12, 4:12])


@pytest.mark.parametrize("size", [17, 28, 32, 34, 41, 224])
def test_every_shorter_side_comes_to_every_size(size: int) -> None:
    for side in range(1, 257):
        for shape in ((side, side + 1), (side + 1, side)):
            assert fitted(Image.new("L", shape), size).size == (size, size)


def test_arrays_and_files_come_to_the_same(tmp_path: Path) -> None:
    written = write_folder(tmp_path / "images", {"a": 6, "b": 6}, size=9)
    found = read(str(tmp_path / "images"), image_size=5)
    assert np.array_equal(found.pixels[:6], resized(written["a"], 5))


def test_digits_of_another_size() -> None:
    found = read("digits", image_size=4)
    assert found.facts == Facts(image_size=4, in_channels=1, num_classes=10)
