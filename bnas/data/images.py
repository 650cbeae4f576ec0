"""Labelled images as NumPy arrays, checked once where they enter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnas.data.split import MIN_PER_CLASS
from bnas.errors import InvalidData


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a network and its cost need to know of a data set."""

    image_size: int
    in_channels: int
    num_classes: int

    @property
    def chance(self) -> float:
        """Accuracy of guessing evenly among the classes."""
        return 1 / self.num_classes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledImages:
    """Images with their labels; build it with `labelled_images`, which checks both.

    Attributes:
        pixels: (N, H, W, C), uint8, H = W.
        labels: (N,), int64, classes 0 to K - 1.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    @property
    def facts(self) -> Facts:
        """Size of the images, their channels and classes."""
        _, size, _, channels = self.pixels.shape
        return Facts(image_size=size, in_channels=channels, num_classes=int(self.labels.max()) + 1)


def labelled_images(
    x: npt.NDArray[Any], y: npt.NDArray[Any], *, origin: str, names: tuple[str, str] = ("x", "y")
) -> LabelledImages:
    """Check images and labels.

    Args:
        x: images (N, H, W, C), uint8, H = W.
        y: labels (N,), integers 0 to K - 1, each with enough images to be split.
        origin: where they come from, for messages.
        names: what the two are called there.

    Raises:
        InvalidData: one of these rules is broken.
    """
    _check_images(x, f"{origin}: {names[0]!r}")
    _check_labels(y, len(x), f"{origin}: {names[1]!r}", names[0])
    return LabelledImages(pixels=np.ascontiguousarray(x), labels=y.astype(np.int64))


def _check_images(x: npt.NDArray[Any], what: str) -> None:
    if x.dtype != np.uint8:
        raise InvalidData(
            f"{what} must hold pixels of type uint8, but holds {x.dtype}; "
            "scale the pixels to 0..255 and save them with .astype('uint8')"
        )
    if x.ndim != 4:
        raise InvalidData(
            f"{what} must have 4 axes (N, H, W, C), but has the shape {x.shape}; "
            "grey images have one channel: x[..., None]"
        )
    if x.shape[1] != x.shape[2]:
        raise InvalidData(
            f"{what} must hold square images, but they are {x.shape[1]} high and {x.shape[2]} "
            "wide; crop, pad or resize them (channels come last)"
        )
    if 0 in x.shape:
        raise InvalidData(f"{what} must not be empty, but has the shape {x.shape}; add images")


def _check_labels(y: npt.NDArray[Any], num_images: int, what: str, images: str) -> None:
    if y.dtype.kind not in "iu":
        raise InvalidData(
            f"{what} must hold integer labels, but holds {y.dtype}; "
            "number the classes from 0 and save them with .astype('int64')"
        )
    if y.shape != (num_images,):
        raise InvalidData(
            f"{what} must have the shape ({num_images},), one label for each image in {images!r}, "
            f"but has {y.shape}; give the same number of both"
        )
    classes, counts = np.unique(y, return_counts=True)
    if classes[0] < 0:
        raise InvalidData(
            f"{what} must hold labels from 0 on, but has {classes[0]}; number the classes from 0"
        )
    missing = np.flatnonzero(classes != np.arange(len(classes)))
    if len(missing):
        raise InvalidData(
            f"{what} must use every label from 0 to the largest ({classes[-1]}), but has no "
            f"{missing[0]}; number the classes without gaps"
        )
    if len(classes) < 2:
        raise InvalidData(f"{what} must have at least 2 classes, but has 1; add another class")
    rarest = int(counts.argmin())
    if counts[rarest] < MIN_PER_CLASS:
        raise InvalidData(
            f"{what} must have at least {MIN_PER_CLASS} images of every class, so that each split "
            f"has some, but class {rarest} has {counts[rarest]}; add images or drop the class"
        )
