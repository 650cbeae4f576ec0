"""Labelled images as NumPy arrays, checked once where they enter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnas.data.resizing import resized
from bnas.data.split import MIN_PER_CLASS
from bnas.errors import InvalidData

Labels = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


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
        num_validation: images of the data set's own validation part, which lie after those to
            train on; 0 where it has none.
        num_test: images of its own test part, which lie at the end; 0 where it has none.
        class_names: K names, for reports; None where classes have numbers only.
        sums_NC2: sum and sum of squares over the pixels of each image and channel, (N, C, 2),
            int64; None where nobody has computed them yet.
    """

    pixels: Pixels
    labels: Labels
    num_validation: int = 0
    num_test: int = 0
    class_names: tuple[str, ...] | None = None
    sums_NC2: Labels | None = None

    @property
    def facts(self) -> Facts:
        """Size of the images, their channels and classes."""
        _, size, _, channels = self.pixels.shape
        return Facts(image_size=size, in_channels=channels, num_classes=int(self.labels.max()) + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawPart:
    """Images and labels of a part of a data set as somebody wrote them, not checked yet.

    Attributes:
        x: should be images (N, H, W, C), uint8.
        y: should be labels (N,), integers.
        names: what the two are called there, for messages.
    """

    x: npt.NDArray[Any]
    y: npt.NDArray[Any]
    names: tuple[str, str]


def labelled_images(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    *,
    origin: str,
    names: tuple[str, str] = ("x", "y"),
    test: RawPart | None = None,
    image_size: int | None = None,
    class_names: tuple[str, ...] | None = None,
) -> LabelledImages:
    """Check images and labels.

    Args:
        x: images (N, H, W, C), uint8, H = W unless they are resized.
        y: labels (N,), integers 0 to K - 1, each with enough images to be split.
        origin: where they come from, for messages.
        names: what the two are called there.
        test: the data set's own test part, if it has one: images like `x`, no other classes.
        image_size: resize to it, see `bnas.data.resizing.resized`.
        class_names: see `LabelledImages`.

    Raises:
        InvalidData: one of these rules is broken.
    """
    pixels = _checked_images(x, f"{origin}: {names[0]!r}", image_size)
    _check_labels(y, len(x), f"{origin}: {names[1]!r}", names[0])
    labels = y.astype(np.int64)
    if test is None:
        return LabelledImages(pixels=pixels, labels=labels, class_names=class_names)
    test_pixels = _checked_images(test.x, f"{origin}: {test.names[0]!r}", image_size)
    _check_test_part(
        test_pixels,
        test,
        shape=pixels.shape[1:],
        num_classes=int(labels.max()) + 1,
        origin=origin,
    )
    return LabelledImages(
        pixels=np.concatenate([pixels, test_pixels]),
        labels=np.concatenate([labels, test.y.astype(np.int64)]),
        num_test=len(test_pixels),
        class_names=class_names,
    )


def pixel_sums(pixels_NHWC: Pixels) -> Labels:
    """Sum and sum of squares over the pixels of each image and channel, (N, C, 2), exact."""
    num_images, _, _, channels = pixels_NHWC.shape
    sums_NC2 = np.empty((num_images, channels, 2), np.int64)
    for first in range(0, num_images, _SUMMED_AT_ONCE):
        batch_NHWC = pixels_NHWC[first : first + _SUMMED_AT_ONCE]
        x_NPC = batch_NHWC.reshape(len(batch_NHWC), -1, channels)
        x_NCP = np.ascontiguousarray(
            x_NPC.transpose(0, 2, 1)
        )  # sums along memory are the fast ones
        squares_NCP = x_NCP.astype(np.uint16) ** 2
        sums_NC2[first : first + len(x_NCP), :, 0] = x_NCP.sum(axis=2, dtype=np.int64)
        sums_NC2[first : first + len(x_NCP), :, 1] = squares_NCP.sum(axis=2, dtype=np.int64)
    return sums_NC2


_SUMMED_AT_ONCE = 256


def _checked_images(x: npt.NDArray[Any], what: str, image_size: int | None) -> Pixels:
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
    if 0 not in x.shape and image_size is not None:
        x = resized(x, image_size)
    if x.shape[1] != x.shape[2]:
        raise InvalidData(
            f"{what} must hold square images, but they are {x.shape[1]} high and {x.shape[2]} "
            "wide; set image_size, or crop, pad or resize them (channels come last)"
        )
    if 0 in x.shape:
        raise InvalidData(f"{what} must not be empty, but has the shape {x.shape}; add images")
    return np.ascontiguousarray(x)


def _check_labels(y: npt.NDArray[Any], num_images: int, what: str, images: str) -> None:
    _check_form_of_labels(y, num_images, what, images)
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


def _check_form_of_labels(y: npt.NDArray[Any], num_images: int, what: str, images: str) -> None:
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


def _check_test_part(
    pixels: Pixels, test: RawPart, *, shape: tuple[int, ...], num_classes: int, origin: str
) -> None:
    if pixels.shape[1:] != shape:
        raise InvalidData(
            f"{origin}: {test.names[0]!r} must hold images of the shape {shape}, as those to train "
            f"on, but holds {pixels.shape[1:]}; bring both to one size"
        )
    what = f"{origin}: {test.names[1]!r}"
    _check_form_of_labels(test.y, len(pixels), what, test.names[0])
    strange = test.y[(test.y < 0) | (test.y >= num_classes)]
    if len(strange):
        raise InvalidData(
            f"{what} must hold labels of classes to train on, 0 to {num_classes - 1}, but has "
            f"{strange[0]}; correct the labels"
        )
