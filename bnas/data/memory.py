"""A whole data set as tensors in memory: normalised once, indexed in batches, never copied."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bnas.data.images import Facts, LabelledImages
from bnas.data.split import Indices, stratified_split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Normalised images and their labels on one device.

    Attributes:
        x: (N, H, W, C), float32, contiguous; any batch of it, permuted to NCHW, is channels-last.
        y: (N,), int64.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchData:
    """What a search may see. The test split is not here: nothing that searches can touch it."""

    train: Examples
    validation: Examples
    facts: Facts


def search_data(images: LabelledImages, *, split_seed: int, device: str = "cpu") -> SearchData:
    """Split, normalise by the mean and deviation of each channel over the training images, load.

    Args:
        images: the data set; 4 bytes a pixel value are needed for its training and validation part.
        split_seed: see `stratified_split`.
        device: where the tensors lie.
    """
    split = stratified_split(images.labels, seed=split_seed)
    mean_C, deviation_C = _statistics(images.pixels[split.train])

    def load(indices: Indices) -> Examples:
        pixels = torch.from_numpy(images.pixels[indices]).to(device, torch.float32)
        x_NHWC = pixels.sub_(mean_C.to(device)).div_(deviation_C.to(device))
        return Examples(x=x_NHWC, y=torch.from_numpy(images.labels[indices]).to(device))

    return SearchData(
        train=load(split.train), validation=load(split.validation), facts=images.facts
    )


def _statistics(pixels_NHWC: npt.NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel (1 where a channel is constant)."""
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
    return torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()
