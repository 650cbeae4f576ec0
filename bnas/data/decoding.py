"""Image files as bytes, by Pillow: opened, converted to grey or RGB, brought to one size."""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from bnas.data.files import reason
from bnas.data.resizing import fitted
from bnas.errors import InvalidData

if TYPE_CHECKING:
    from PIL.Image import Image

Mode = Literal["L", "RGB"]

MAX_PIXELS: Final = 80_000_000
"""An image with more is refused before it is decoded: a small file can promise any size."""

_FORMATS: Final = ("JPEG", "PNG")
_DECODED_AT_ONCE: Final = 64
# Pillow decodes without holding Python's lock; more threads only wait for each other.
_MAX_THREADS: Final = 16
# What Pillow raises on damaged files (found by flipping bits).
UNREADABLE: Final = (
    OSError,
    EOFError,
    MemoryError,
    OverflowError,
    SyntaxError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    struct.error,
    zlib.error,
)


class Coloured(Exception):
    """An image has colours among those read as grey."""


def decode(paths: Sequence[str], image_size: int | None) -> npt.NDArray[np.uint8]:
    """Decode files to (N, H, W, C), H = W; C is 1 if all of them are grey, otherwise 3.

    Args:
        paths: at least one.
        image_size: bring them to this size with `fitted`; None demands square images of one size.

    Raises:
        InvalidData: a file is damaged, or of another size; the message names it.
    """
    with opened(paths[0]) as first:
        mode: Mode = "L" if converted(first, paths[0]).mode == "L" else "RGB"
        size = image_size or _own_size(first, paths[0])
    if mode == "L":
        try:
            return _filled(paths, image_size, size, "L")
        except Coloured:
            pass
    return _filled(paths, image_size, size, "RGB")


def decode_one(path: str, mode: Mode, image_size: int | None) -> npt.NDArray[np.uint8]:
    """Decode a file to (H, W, C).

    Raises:
        Coloured: it has colours, but `mode` is grey.
        InvalidData: it is damaged.
    """
    with opened(path) as image:
        ready = in_mode(converted(image, path), mode)
        if image_size is not None:
            ready = fitted(ready, image_size)
        pixels = np.asarray(ready)
    return pixels[..., None] if mode == "L" else pixels


@contextmanager
def opened(path: str) -> "Iterator[Image]":
    """Open an image file; whatever goes wrong inside with its content names the file.

    Raises:
        InvalidData: it is no readable PNG or JPEG file, or too large.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InvalidData(
                    f"{path}: an image must have at most {MAX_PIXELS:,} pixels, but has "
                    f"{image.width} x {image.height}; make it smaller"
                )
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidData(
            f"{path}: an image must have at most {MAX_PIXELS:,} pixels, but has many more; "
            "make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise _damaged(path, "it is neither") from error
    except UNREADABLE as error:
        raise _damaged(path, reason(error)) from error


def converted(image: "Image", path: str) -> "Image":
    """Bring an image to 8 bits, grey or RGB.

    Transparency is laid over black, palettes and CMYK become RGB without colour profiles, and of
    grey with 16 bits the upper 8 are kept.

    Raises:
        InvalidData: its pixels are of another kind.
    """
    from PIL import Image

    if image.mode in {"L", "RGB"} and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "CMYK":
        return image.convert("RGB")
    if image.mode in {"L", "RGB", "P", "LA", "PA", "RGBA"}:
        over_black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        over_black.alpha_composite(image.convert("RGBA"))
        return over_black.convert("L" if image.mode in {"L", "LA"} else "RGB")
    raise InvalidData(
        f"{path}: an image must be grey, RGB, CMYK or have a palette, but has pixels of the kind "
        f"{image.mode!r}; save it as RGB"
    )


def in_mode(image: "Image", mode: Mode) -> "Image":
    """Grey as three equal channels, where RGB is wanted.

    Raises:
        Coloured: the image has colours, but `mode` is grey.
    """
    if image.mode == mode:
        return image
    if mode == "L":
        raise Coloured
    return image.convert("RGB")


def num_threads() -> int:
    """CPUs that this process may use, up to a bound."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MAX_THREADS, own)


def _filled(
    paths: Sequence[str], image_size: int | None, size: int, mode: Mode
) -> npt.NDArray[np.uint8]:
    pixels = np.empty((len(paths), size, size, 1 if mode == "L" else 3), np.uint8)

    def fill(first: int) -> None:
        for number, path in enumerate(paths[first : first + _DECODED_AT_ONCE], start=first):
            image = decode_one(path, mode, image_size)
            if image.shape != pixels.shape[1:]:
                raise _of_another_size(path, image, paths[0], size)
            pixels[number] = image

    with ThreadPoolExecutor(num_threads()) as threads:
        try:
            for _ in threads.map(fill, range(0, len(paths), _DECODED_AT_ONCE)):
                pass
        finally:
            threads.shutdown(cancel_futures=True)
    return pixels


def _own_size(image: "Image", path: str) -> int:
    width, height = image.size
    if width != height:
        raise InvalidData(
            f"{path}: images must be square, but this one is {width} wide and {height} high; "
            "set image_size to resize them, as in `--set evaluator.image_size=64`"
        )
    return width


def _of_another_size(path: str, image: npt.NDArray[np.uint8], first: str, size: int) -> InvalidData:
    height, width, _ = image.shape
    return InvalidData(
        f"{path}: all images must have one size, but this one has {width} x {height} pixels and "
        f"{first} has {size} x {size}; set image_size to resize them, as in "
        "`--set evaluator.image_size=64`"
    )


def _damaged(path: str, problem: str) -> InvalidData:
    return InvalidData(
        f"{path}: the image must be a readable PNG or JPEG file, but {problem}; "
        "replace or remove it"
    )
