"""Data sets as batches of tensors; one that lies in memory is shared, never copied per use."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from bnas.data.images import Facts, LabelledImages, Labels, pixel_sums
from bnas.data.split import Indices, Part, Split, stratified_split


class Examples(ABC):
    """Labelled images that come in batches, normalised, on the device that trains."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where batches lie."""

    @abstractmethod
    def batches(self, order: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields a batch for each member of `order`.

        Args:
            order: Numbers of images (B,), int64, from 0 to the length - 1, on the CPU.

        Yields:
            Images (B, H, W, C), float32, contiguous, so that permuted to NCHW they are
            channels-last; and labels (B,), int64.
        """


@final
class InMemory(Examples):
    """Part of a data set in memory: pixels as they came, normalised batch by batch.

    Args:
        images: The whole data set; its memory is shared where the device is the CPU, another
            device holds the part alone.
        indices: The part, (N,).
        normalisation: See `Normalisation`.
        device: Where batches lie, and the pixels too.
    """

    def __init__(
        self,
        images: LabelledImages,
        indices: Indices,
        normalisation: "Normalisation",
        *,
        device: str = "cpu",
    ) -> None:
        pixels, labels, rows = images.pixels, images.labels, indices
        if torch.device(device).type != "cpu":
            pixels, labels, rows = pixels[indices], labels[indices], np.arange(len(indices))
        self._pixels = torch.from_numpy(pixels).to(device)
        self._labels = torch.from_numpy(labels).to(device)
        self._rows = torch.from_numpy(rows)
        self._normalisation = normalisation.to(device)

    def __len__(self) -> int:
        """See `Examples`."""
        return len(self._rows)

    @property
    def device(self) -> torch.device:
        """See `Examples`."""
        return self._pixels.device

    def batches(self, order: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Examples.batches`."""
        for batch_B in order:
            rows_B = self._rows[batch_B].to(self.device)
            yield self._normalisation(self._pixels[rows_B]), self._labels[rows_B]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalisation:
    """(x - mean) / deviation of each channel, in the unit of pixels (0 to 255).

    Attributes:
        mean_C: (C,), float32.
        deviation_C: (C,), float32; 1 where a channel is constant.
    """

    mean_C: Tensor
    deviation_C: Tensor

    def __call__(self, pixels_NHWC: Tensor) -> Tensor:
        """Maps uint8 pixels (N, H, W, C) to float32."""
        return pixels_NHWC.to(torch.float32).sub_(self.mean_C).div_(self.deviation_C)

    def to(self, device: str) -> "Normalisation":
        """The same on a device."""
        return Normalisation(mean_C=self.mean_C.to(device), deviation_C=self.deviation_C.to(device))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchData:
    """What a search may see. The test split is not here: nothing that searches can touch it."""

    train: Examples
    validation: Examples
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinalData:
    """What retraining sees: training and validation images as one, and the test split."""

    train: Examples
    test: Examples
    facts: Facts
    normalisation: Normalisation
    class_names: tuple[str, ...] | None = None


def part_in_memory(
    images: LabelledImages,
    part: Part,
    to_normal: Normalisation,
    *,
    split_seed: int,
    device: str = "cpu",
) -> InMemory:
    """One part of a data set, or all of it, normalised as given.

    Args:
        images: The data set.
        part: Which.
        to_normal: What is done to its pixels.
        split_seed: See `stratified_split`.
        device: Where batches lie.
    """
    indices = _split(images, split_seed, None).part(part)
    return InMemory(images, indices, to_normal, device=device)


def search_data(
    images: LabelledImages, *, split_seed: int, subset: int | None = None, device: str = "cpu"
) -> SearchData:
    """Splits, and normalises by the training images.

    Args:
        images: The data set.
        split_seed: See `stratified_split`.
        subset: Train on so many images alone; validation keeps all of its own.
        device: Where batches lie.

    Raises:
        InvalidData: There are not so many images.
    """
    split = _split(images, split_seed, subset)
    norm = normalisation(images, split.train)
    return SearchData(
        train=InMemory(images, split.train, norm, device=device),
        validation=InMemory(images, split.validation, norm, device=device),
        facts=images.facts,
    )


def final_data(
    images: LabelledImages, *, split_seed: int, subset: int | None = None, device: str = "cpu"
) -> FinalData:
    """Splits, and normalises by the training images, those that validate in a search among them.

    Args:
        images: The data set.
        split_seed: As of the search: the test split is then the one that no search has seen.
        subset: Train on so many images alone, first of all on those that a search trains on.
        device: Where batches lie.

    Raises:
        InvalidData: There are not so many images.
    """
    split = _split(images, split_seed, subset, joined=True)
    norm = normalisation(images, split.train)
    return FinalData(
        train=InMemory(images, split.train, norm, device=device),
        test=InMemory(images, split.test, norm, device=device),
        facts=images.facts,
        normalisation=norm,
        class_names=images.class_names,
    )


def normalisation(images: LabelledImages, indices: Indices) -> Normalisation:
    """Mean and standard deviation of each channel over all pixels of some images."""
    sums_NC2 = images.sums_NC2
    chosen = pixel_sums(images.pixels[indices]) if sums_NC2 is None else sums_NC2[indices]
    return normalisation_of(chosen, num_pixels=len(indices) * images.facts.image_size**2)


def normalisation_of(sums_NC2: Labels, *, num_pixels: int) -> Normalisation:
    """The same from `pixel_sums` of the images, which have so many pixels in all."""
    mean, deviation = [], []
    # As whole numbers of any length: exact, and the same whatever the order of the images.
    for total, squares in sums_NC2.sum(axis=0).tolist():
        mean.append(total / num_pixels)
        variance = (num_pixels * squares - total**2) / num_pixels**2
        deviation.append(variance**0.5 or 1.0)
    return Normalisation(mean_C=torch.tensor(mean), deviation_C=torch.tensor(deviation))


def _split(images: LabelledImages, seed: int, subset: int | None, *, joined: bool = False) -> Split:
    return stratified_split(
        images.labels,
        seed=seed,
        num_validation=images.num_validation,
        num_test=images.num_test,
        subset=subset,
        joined=joined,
    )
