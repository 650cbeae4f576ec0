"""Data sets decoded once: one file each, which every process of a machine maps into its memory.

A file holds the pixels (N, H, W, C) as they lie in memory, labels and sums (int64), a JSON text
with everything else, and at its end the length and a checksum of that text. It is made beside its
place and renamed, so that nobody ever sees half of one, and two that make it at once do no harm.
"""

import json
import logging
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from bnas.data.files import reason
from bnas.data.images import LabelledImages, Pixels, pixel_sums
from bnas.files import alone, cache_folder
from bnas.files import replace as replace_file

_VERSION: Final = 1
_END: Final = np.dtype([("length", "<u8"), ("checksum", "<u4"), ("magic", "S4")])
_MAGIC: Final = b"bnas"
_BLOCK: Final = 1 << 20
# Of larger files only so many blocks are read, spread evenly, so that opening stays fast: it finds
# files that were cut or overwritten, and a single damaged block with the share of blocks read.
_MOST_BLOCKS: Final = 256

_log = logging.getLogger("bnas.data")


class _Damaged(Exception):
    """The file is not what was written."""


def kept(
    place: str, image_size: int | None, content: object, build: Callable[[], LabelledImages]
) -> LabelledImages:
    """A data set from the cache, or built and kept there.

    The pixels are mapped: pages are read when they are used, and processes share them. Where
    nothing can be kept, a warning says so, and the images lie in this process's memory.

    Args:
        place: absolute path or name of the data set.
        image_size: that of the images; None if they are left as they are.
        content: JSON that changes with the content; an entry of another one is replaced.
        build: makes what is not in the cache.

    Raises:
        InvalidData: by `build`.
    """
    where = cache_folder()
    if where is None:
        return build()
    identity = _digest([_VERSION, content])
    entry = where / f"{_readable(place)}-{_digest([place, image_size])[:16]}.pack"
    found, _ = _opened(entry, identity)
    if found is not None:
        return found
    with alone(entry):
        # Another process may have made it, or mended it, while this one waited.
        found, problem = _opened(entry, identity)
        if problem:
            _log.warning("%s: the images kept there %s; they are decoded anew", entry, problem)
        return found or _made(entry, identity, build())


def _made(entry: Path, identity: str, images: LabelledImages) -> LabelledImages:
    images = replace(images, sums_NC2=pixel_sums(images.pixels))
    try:
        _write(entry, identity, images)
    except OSError as error:
        _log.warning(
            "%s: decoded images cannot be kept there (%s), so every process decodes them anew and "
            "holds them in memory; make room, or set BNAS_CACHE to a folder that can be written",
            entry.parent,
            reason(error),
        )
        return images
    return _opened(entry, identity)[0] or images


def _write(entry: Path, identity: str, images: LabelledImages) -> None:
    sums_NC2 = images.sums_NC2
    assert sums_NC2 is not None  # noqa: S101 - the caller has just computed them
    arrays = (images.pixels, images.labels, sums_NC2)
    parts = [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in arrays]
    text = json.dumps(
        {
            "identity": identity,
            "shape": images.pixels.shape,
            "num_validation": images.num_validation,
            "num_test": images.num_test,
            "class_names": images.class_names,
            "checksums": [zlib.crc32(block) for block in _blocks(parts)],
        }
    ).encode()
    end = np.array((len(text), zlib.crc32(text), _MAGIC), _END)
    entry.parent.mkdir(parents=True, exist_ok=True)
    replace_file(entry, *parts, text, end.tobytes())


def _blocks(parts: list[memoryview]) -> Iterator[memoryview]:
    """Each part in blocks; the last of a part may be shorter."""
    for part in parts:
        for first in range(0, len(part), _BLOCK):
            yield part[first : first + _BLOCK]


def _opened(entry: Path, identity: str) -> tuple[LabelledImages | None, str]:
    """What an entry holds, None if there is none of this content; and what is wrong with it."""
    try:
        # Private pages that may be written: PyTorch warns of arrays that may not, and whoever
        # did write into one would change nobody else's.
        file = np.memmap(entry, np.uint8, mode="c").view(np.ndarray)
        text = _checked_text(file)
        return (_checked_images(file, text) if text["identity"] == identity else None), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"cannot be read ({reason(error)})"
    except (_Damaged, ValueError):  # NumPy maps no empty file
        return None, "are damaged"


def _checked_text(file: Pixels) -> dict[str, Any]:
    if len(file) < _END.itemsize:
        raise _Damaged
    end = file[-_END.itemsize :].view(_END)[0]
    text = file[-_END.itemsize - int(end["length"]) : -_END.itemsize].tobytes()
    if end["magic"] != _MAGIC or zlib.crc32(text) != end["checksum"]:
        raise _Damaged
    value: dict[str, Any] = json.loads(text)
    return value


def _checked_images(file: Pixels, text: dict[str, Any]) -> LabelledImages:
    shape = tuple(text["shape"])
    lengths = [int(np.prod(shape)), 8 * shape[0], 16 * shape[0] * shape[-1]]
    if sum(lengths) > len(file):
        raise _Damaged
    pixels, labels, sums = np.split(file[: sum(lengths)], np.cumsum(lengths)[:2])
    blocks = list(_blocks([part.data for part in (pixels, labels, sums)]))
    num_pixel_blocks = -(-len(pixels) // _BLOCK)
    chosen = np.linspace(0, num_pixel_blocks - 1, _MOST_BLOCKS).astype(int)
    for number in {*chosen.tolist(), *range(num_pixel_blocks, len(blocks))}:
        if zlib.crc32(blocks[number]) != text["checksums"][number]:
            raise _Damaged
    names = text["class_names"]
    return LabelledImages(
        pixels=pixels.reshape(shape),
        labels=labels.copy().view(np.int64),
        num_validation=text["num_validation"],
        num_test=text["num_test"],
        class_names=None if names is None else tuple(names),
        sums_NC2=sums.copy().view(np.int64).reshape(shape[0], shape[-1], 2),
    )


def _digest(value: object) -> str:
    return sha256(json.dumps(value).encode()).hexdigest()


def _readable(place: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", Path(place).stem)[:40].strip("-.") or "data"
