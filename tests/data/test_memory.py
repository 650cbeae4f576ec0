"""Data in memory: what a search sees, normalisation, augmentation."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from bnas.data import LabelledImages, read, stratified_split
from bnas.data.augmentation import random_crop, random_flip
from bnas.data.memory import Examples, SearchData, final_data, search_data


def images(num_images: int = 60, size: int = 5, channels: int = 3) -> LabelledImages:
    pixels = np.random.default_rng(0).integers(0, 200, (num_images, size, size, channels))
    return LabelledImages(pixels=pixels.astype(np.uint8), labels=np.arange(num_images) % 3)


def whole(examples: Examples) -> tuple[torch.Tensor, torch.Tensor]:
    """All images as one batch."""
    return next(examples.batches([torch.arange(len(examples))]))


def test_digits() -> None:
    data = search_data(read("digits"), split_seed=0)
    assert (len(data.train), len(data.validation)) == (1197, 300)
    x_NHWC, y_N = whole(data.train)
    assert x_NHWC.shape == (1197, 8, 8, 1)
    assert x_NHWC.dtype == torch.float32
    assert y_N.dtype == torch.int64


def test_a_search_sees_no_test_image() -> None:
    numbered = np.arange(60, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    source = LabelledImages(pixels=numbered, labels=np.arange(60) % 3)
    data = search_data(source, split_seed=7)
    tensors = [whole(data.train)[0], whole(data.validation)[0]]
    train = numbered[stratified_split(source.labels, seed=7).train]
    seen = torch.cat(tensors)[:, 0, 0, 0] * float(train.std()) + float(train.mean())
    test = set(stratified_split(source.labels, seed=7).test.tolist())
    assert len(seen) == 60 - len(test)
    assert not test & {round(value) for value in seen.tolist()}
    assert {field.name for field in dataclasses.fields(SearchData)} == {
        "train",
        "validation",
        "facts",
    }


def test_channels_are_normalised_by_the_training_images_alone() -> None:
    source = images()
    data = search_data(source, split_seed=0)
    split = stratified_split(source.labels, seed=0)
    train = source.pixels[split.train].astype(np.float64)
    mean, deviation = train.mean(axis=(0, 1, 2)), train.std(axis=(0, 1, 2))
    for examples, indices in ((data.train, split.train), (data.validation, split.validation)):
        expected = (source.pixels[indices] - mean) / deviation
        x_NHWC, y_N = whole(examples)
        torch.testing.assert_close(x_NHWC, torch.from_numpy(expected).float())
        assert torch.equal(y_N, torch.from_numpy(source.labels[indices]))


def test_retraining_sees_every_image_and_the_test_split_apart() -> None:
    source = images()
    data = final_data(source, split_seed=0)
    split = stratified_split(source.labels, seed=0)
    rest = np.setdiff1d(np.arange(60), split.test)
    mean = source.pixels[rest].astype(np.float64).mean(axis=(0, 1, 2))
    deviation = source.pixels[rest].astype(np.float64).std(axis=(0, 1, 2))
    for examples, indices in ((data.train, rest), (data.test, split.test)):
        expected = (source.pixels[indices] - mean) / deviation
        torch.testing.assert_close(whole(examples)[0], torch.from_numpy(expected).float())


def test_batches_come_in_the_order_asked_for() -> None:
    data = search_data(images(), split_seed=0)
    x_NHWC, y_N = whole(data.train)
    order = [torch.tensor([3, 1, 2]), torch.tensor([0])]
    for batch, (x, y) in zip(order, data.train.batches(order), strict=True):
        assert torch.equal(x, x_NHWC[batch])
        assert torch.equal(y, y_N[batch])


def test_a_constant_channel_stays_finite() -> None:
    source = images()
    source.pixels[..., 1] = 7
    data = search_data(source, split_seed=0)
    constant = whole(data.validation)[0][..., 1]
    assert torch.equal(constant, torch.zeros_like(constant))


def test_a_permuted_batch_is_channels_last() -> None:
    data = search_data(images(), split_seed=0)
    x_NHWC, _ = next(data.train.batches([torch.tensor([3, 1, 2])]))
    assert x_NHWC.permute(0, 3, 1, 2).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("padding", [1, 2])
def test_random_crop_shifts_each_image_as_a_whole(padding: int) -> None:
    x_NHWC = torch.arange(1, 40 * 4 * 4 * 2 + 1, dtype=torch.float32).reshape(40, 4, 4, 2)
    cropped = random_crop(x_NHWC, padding, torch.Generator().manual_seed(0))
    assert cropped.shape == x_NHWC.shape
    assert cropped.is_contiguous()
    shifts = set()
    for before, after in zip(x_NHWC, cropped, strict=True):
        padded = torch.nn.functional.pad(before, (0, 0, padding, padding, padding, padding))
        matches = [
            (row, column)
            for row in range(2 * padding + 1)
            for column in range(2 * padding + 1)
            if torch.equal(padded[row : row + 4, column : column + 4], after)
        ]
        assert len(matches) == 1
        shifts.add(matches[0])
    assert len(shifts) > (2 * padding + 1) ** 2 // 2


def test_random_flip_mirrors_about_half_of_the_images() -> None:
    x_NHWC = torch.arange(200 * 9, dtype=torch.float32).reshape(200, 3, 3, 1)
    flipped = random_flip(x_NHWC, torch.Generator().manual_seed(0))
    changed = (flipped != x_NHWC).flatten(1).any(1)
    assert torch.equal(flipped[changed], x_NHWC[changed].flip(2))
    assert 70 < int(changed.sum()) < 130


@pytest.mark.usefixtures("untouched_global_random")
def test_augmentation_follows_its_generator_only() -> None:
    x_NHWC = torch.arange(20 * 16, dtype=torch.float32).reshape(20, 4, 4, 1)
    for change in (partial(random_crop, x_NHWC, 1), partial(random_flip, x_NHWC)):
        first, again, other = (change(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
