"""Images brought to one size: the shorter side first, then a square from the middle."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]


def resized(pixels_NHWC: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Bring arrays to (N, size, size, C) as `fitted` does; each channel by itself."""
    from PIL import Image

    num_images, height, width, channels = pixels_NHWC.shape
    if (height, width) == (size, size):
        return pixels_NHWC
    result = np.empty((num_images, size, size, channels), np.uint8)
    for image, target in zip(pixels_NHWC, result, strict=True):
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            target[..., channel] = np.asarray(fitted(plane, size))
    return result


def fitted(image: "Image", size: int, *, shorter_side: int | None = None) -> "Image":
    """Resize so that the shorter side has a length, and cut a square out of the middle.

    The filter is a triangle over as many pixels as one new pixel covers: bilinear interpolation
    that does not alias when it makes an image smaller.

    Args:
        image: of a mode with 8 bits a channel.
        size: height and width of the result.
        shorter_side: the length, `size` if None.
    """
    from PIL.Image import Resampling

    width, height = image.size
    scale = (shorter_side or size) / min(width, height)
    # Of the longer side one needs only what lies in the square: one resampling does both.
    # Rounded, the quotient may exceed the shorter side, and Pillow takes no box beyond the image.
    side = min(size / scale, width, height)
    left, top = (width - side) / 2, (height - side) / 2
    if (width, height) == (size, size) and scale == 1:
        return image
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Resampling.BILINEAR, box=box)
