"""Data sets as batches of tensors; one that lies in memory is shared, never copied per use."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bnas.data.images import Facts, LabelledImages
from bnas.data.split import Indices, stratified_split


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
        images: The whole data set; its memory is shared where the device is the CPU.
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
        self._pixels = torch.from_numpy(images.pixels).to(device)
        self._labels = torch.from_numpy(images.labels).to(device)
        self._indices = torch.from_numpy(indices)
        self._normalisation = normalisation.to(device)

    def __len__(self) -> int:
        """See `Examples`."""
        return len(self._indices)

    @property
    def device(self) -> torch.device:
        """See `Examples`."""
        return self._pixels.device

    def batches(self, order: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Examples.batches`."""
        for batch_B in order:
            rows_B = self._indices[batch_B].to(self.device)
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


def search_data(images: LabelledImages, *, split_seed: int, device: str = "cpu") -> SearchData:
    """Splits, and normalises by the training images.

    Args:
        images: The data set.
        split_seed: See `stratified_split`.
        device: Where batches lie.
    """
    split = stratified_split(images.labels, seed=split_seed)
    norm = normalisation(images.pixels[split.train])
    return SearchData(
        train=InMemory(images, split.train, norm, device=device),
        validation=InMemory(images, split.validation, norm, device=device),
        facts=images.facts,
    )


def final_data(images: LabelledImages, *, split_seed: int, device: str = "cpu") -> FinalData:
    """Splits, and normalises by the training images, those that validate in a search among them.

    Args:
        images: The data set.
        split_seed: As of the search: the test split is then the one that no search has seen.
        device: Where batches lie.
    """
    split = stratified_split(images.labels, seed=split_seed)
    indices = np.sort(np.concatenate([split.train, split.validation]))
    norm = normalisation(images.pixels[indices])
    return FinalData(
        train=InMemory(images, indices, norm, device=device),
        test=InMemory(images, split.test, norm, device=device),
        facts=images.facts,
    )


def normalisation(pixels_NHWC: npt.NDArray[np.uint8]) -> Normalisation:
    """Mean and standard deviation of each channel over all pixels."""
    # From histograms: exact, and without a float copy of the data.
    histograms = [
        np.bincount(pixels_NHWC[..., channel].ravel(), minlength=256)
        for channel in range(pixels_NHWC.shape[-1])
    ]
    share = np.stack(histograms) / pixels_NHWC[..., 0].size
    values = np.arange(256)
    mean = share @ values
    deviation = np.sqrt((share * (values - mean[:, None]) ** 2).sum(axis=1))
    deviation[deviation == 0] = 1.0
    return Normalisation(
        mean_C=torch.from_numpy(mean).float(), deviation_C=torch.from_numpy(deviation).float()
    )
