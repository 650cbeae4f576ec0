"""Streamed folders: the same images as in memory, in an order that no number of threads changes."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bnas.data import DataSettings, Facts, find_images, streaming
from bnas.data.crops import random_box
from bnas.data.finding import ImageFiles
from bnas.data.loading import load_final_data, load_search_data
from bnas.data.memory import Examples
from bnas.data.streaming import Streamed, View, decoded
from bnas.errors import InvalidData
from tests.data.writing import pixels, write_folder, write_image

ORDER = [torch.tensor([5, 3, 30, 11]), torch.tensor([0]), torch.arange(38)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images of two classes; a few are wider than high."""
    write_folder(tmp_path / "images", {"a": 30, "b": 28}, size=10)
    write_image(tmp_path / "images/a/wide.png", pixels(1, 16)[0][:12])
    return tmp_path / "images"


def settings(root: Path, **changes: Any) -> DataSettings:
    return replace(DataSettings(source=str(root), image_size=8, stream=True), **changes)


def batches(examples: Examples, order: Iterable[Tensor] = ORDER) -> list[tuple[Tensor, Tensor]]:
    return list(examples.batches(order))


def equal(a: list[tuple[Tensor, Tensor]], b: list[tuple[Tensor, Tensor]]) -> bool:
    return all(torch.equal(x, u) and torch.equal(y, v) for (x, y), (u, v) in zip(a, b, strict=True))


def test_streamed_is_what_lies_in_memory(root: Path) -> None:
    streamed = load_search_data(settings(root))
    held = load_search_data(settings(root, stream=None))
    assert isinstance(streamed.train, Streamed)
    assert not isinstance(held.train, Streamed)
    assert streamed.facts == held.facts
    assert equal(batches(streamed.train), batches(held.train))
    whole = [torch.arange(len(held.validation))]
    assert equal(batches(streamed.validation, whole), batches(held.validation, whole))


def test_final_data_too(root: Path) -> None:
    streamed, held = (load_final_data(settings(root, stream=stream)) for stream in (True, None))
    assert equal(batches(streamed.train), batches(held.train))
    whole = [torch.arange(len(held.test))]
    assert equal(batches(streamed.test, whole), batches(held.test, whole))
    assert torch.equal(streamed.normalisation.mean_C, held.normalisation.mean_C)


def test_a_subset(root: Path) -> None:
    streamed, held = (
        load_search_data(settings(root, stream=stream, subset=20)) for stream in (True, None)
    )
    final = (
        load_final_data(settings(root, subset=20)),
        load_final_data(settings(root, stream=None, subset=20)),
    )
    order = [torch.arange(20)]
    assert equal(batches(streamed.train, order), batches(held.train, order))
    assert equal(batches(final[0].train, order), batches(final[1].train, order))
    assert len(final[0].train) == len(final[1].train) == 20


def test_grey_folders(tmp_path: Path) -> None:
    write_folder(tmp_path / "grey", {"a": 8, "b": 8}, channels=1)
    found = find_images(settings(tmp_path / "grey"))
    assert found.facts == Facts(image_size=8, in_channels=1, num_classes=2)
    assert batches(load_search_data(settings(tmp_path / "grey")).train, [torch.arange(3)])


def streamed(root: Path, **changes: object) -> Streamed:
    """All images, with the settings that are given."""
    images = find_images(settings(root))
    assert isinstance(images, ImageFiles)
    norm = load_final_data(settings(root)).normalisation
    given: dict[str, object] = {"view": View(image_size=8, crop_scale=0.3)}
    indices = np.arange(len(images.files.paths))
    return Streamed(images, indices, norm, **(given | changes))  # type: ignore[arg-type]


def test_crops_follow_from_the_order_alone(root: Path) -> None:
    one, many = (batches(streamed(root, threads=threads)) for threads in (1, 5))
    assert equal(one, many)
    middle = batches(streamed(root, view=View(image_size=8)))
    assert not torch.equal(one[0][0], middle[0][0])
    assert torch.equal(one[0][1], middle[0][1])
    other = batches(streamed(root), [torch.tensor([3, 5, 30, 11])])
    assert not torch.equal(other[0][0][0], one[0][0][1])


def test_what_is_scored_is_the_middle_of_a_larger_image(root: Path) -> None:
    wide = root / "a/wide.png"
    with Image.open(wide) as image:
        larger = image.resize((round(8 * 8 / 7 * 16 / 12), 9), Image.Resampling.BILINEAR)
    found = find_images(settings(root))
    assert isinstance(found, ImageFiles)
    number = found.files.paths.index(str(wide))
    pixels = decoded(found, number, View(image_size=8, shorter_side=9), (0, 0))
    left, top = (larger.width - 8) // 2, (larger.height - 8) // 2
    middle = np.asarray(larger)[top : top + 8, left : left + 8]
    # Half a pixel lies between the two, of noise.
    assert np.corrcoef(pixels.ravel(), middle.ravel())[0, 1] > 0.7
    trained, scored = streaming._views(settings(root, crop_scale=0.5), 224)
    assert trained == View(image_size=224, crop_scale=0.5)
    assert scored == View(image_size=224, shorter_side=256)


@pytest.mark.usefixtures("untouched_global_random")
def test_a_generator_may_be_left_early(root: Path) -> None:
    batches_of_one = streamed(root).batches(torch.arange(58).split(1))
    assert len(next(batches_of_one)[1]) == 1
    batches_of_one.close()  # type: ignore[attr-defined]


def test_a_damaged_image_ends_the_training_and_is_named(root: Path) -> None:
    examples = streamed(root)
    file = root / "a/007.png"
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(InvalidData) as caught:
        batches(examples, torch.arange(58).split(10))
    assert str(caught.value).startswith(
        f"{file}: the image must be a readable PNG or JPEG file, but "
    )


def test_a_colour_among_grey_images_is_named(tmp_path: Path) -> None:
    root = tmp_path / "grey"
    write_folder(root, {"a": 8, "b": 8}, channels=1)
    images = find_images(settings(root))
    assert isinstance(images, ImageFiles)
    write_image(root / "a/000.png", pixels(1, 6)[0])
    norm = load_search_data(settings(root)).train._normalisation  # type: ignore[attr-defined]
    examples = Streamed(images, np.arange(16), norm, view=View(image_size=8))
    with pytest.raises(InvalidData) as caught:
        batches(examples, [torch.arange(3)])
    assert str(caught.value) == (
        f"{root}/a/000.png: a folder that is streamed must have grey images alone or begin with "
        "others, but this one has colours and those that were looked at have none; convert it to "
        "grey"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"source": "digits"},
            "digits: only a folder of images can be streamed, but this is none; leave stream out",
        ),
        (
            {"image_size": None},
            (
                "ROOT: images that are streamed need an image_size, but none is given; set one, as "
                "in `--set evaluator.image_size=224`"
            ),
        ),
    ],
)
def test_what_cannot_be_streamed(root: Path, changes: dict[str, object], expected: str) -> None:
    with pytest.raises(InvalidData) as caught:
        find_images(settings(root, **changes))
    assert str(caught.value).replace(str(root), "ROOT") == expected


def test_what_does_not_fit_is_streamed_and_that_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bnas.data import folder

    monkeypatch.setattr(folder, "free_memory", lambda: 10_000)
    with caplog.at_level(logging.WARNING):
        assert isinstance(find_images(settings(root, stream=None)), ImageFiles)
    start = (
        f"{root}: decoded images must fit in memory or be streamed, but 59 of them take 0.0 GB and "
        "0.0 GB are free"
    )
    assert caplog.messages == [f"{start}; they are streamed"]
    with pytest.raises(InvalidData) as caught:
        find_images(settings(root, stream=False))
    assert str(caught.value) == f"{start}; set a smaller image_size, or stream: true"


def test_random_boxes_have_the_areas_and_ratios_asked_for() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([random_box(400, 300, 0.2, rng) for _ in range(500)])
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2] <= 400).all()
    assert (boxes[:, 3] <= 300).all()
    shares, ratios = wide * high / (400 * 300), wide / high
    assert 0.19 < shares.min() < 0.25
    # Below .6: what reaches out of the image is drawn again, and that is large.
    assert 0.4 < shares.mean() < 0.6
    assert ratios.min() > 0.74
    assert ratios.max() < 1.35


def test_a_box_that_fits_nowhere_is_the_middle() -> None:
    assert random_box(1000, 10, 1, np.random.default_rng(0)) == (495, 0, 505, 10)


def test_the_free_memory_is_some_of_the_machine() -> None:
    from bnas.data.folder import free_memory

    assert 1e6 < free_memory() < 1e14
