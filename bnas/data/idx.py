"""IDX files, the format of MNIST and Fashion-MNIST: http://yann.lecun.com/exdb/mnist/."""

import gzip
import zlib
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bnas.data.files import reason
from bnas.data.images import LabelledImages, RawPart, labelled_images
from bnas.errors import InvalidData

_IMAGES: Final = "images-idx3-ubyte"
_LABELS: Final = "labels-idx1-ubyte"
# Two zero bytes, the type (8: unsigned bytes), the number of axes.
_MAGIC: Final = {3: 0x00000803, 1: 0x00000801}
_UNREADABLE: Final = (OSError, EOFError, MemoryError, OverflowError, zlib.error)


def is_at(path: Path) -> bool:
    """Whether the folder has training images in a file of the usual name."""
    return _find(path, f"train-{_IMAGES}") is not None


def files(path: Path) -> list[Path]:
    """Images and labels to train on, then those of the test part if there is one.

    Raises:
        InvalidData: one of two files is missing.
    """
    found = [_needed(path, f"train-{_IMAGES}"), _needed(path, f"train-{_LABELS}")]
    test = f"t10k-{_IMAGES}", f"t10k-{_LABELS}"
    if any(_find(path, name) for name in test):
        found += [_needed(path, name) for name in test]
    return found


def read_idx(path: Path, image_size: int | None = None) -> LabelledImages:
    """Read a folder of IDX files, each as it is or compressed with gzip.

    Raises:
        InvalidData: a file is missing, damaged or of another form, or the two do not belong
            together.
    """
    images, labels, *rest = files(path)
    test = None
    if rest:
        names = rest[0].name, rest[1].name
        test = RawPart(x=_array(rest[0], 3)[..., None], y=_array(rest[1], 1), names=names)
    return labelled_images(
        _array(images, 3)[..., None],
        _array(labels, 1),
        origin=str(path),
        names=(images.name, labels.name),
        test=test,
        image_size=image_size,
    )


def _find(folder: Path, name: str) -> Path | None:
    # Unpacked by hand, the files have a dot for the second hyphen: train-images.idx3-ubyte.
    for form in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            if (folder / f"{form}{suffix}").is_file():
                return folder / f"{form}{suffix}"
    return None


def _needed(folder: Path, name: str) -> Path:
    found = _find(folder, name)
    if found is None:
        raise InvalidData(
            f"{folder}: beside the other IDX files there must be {name} or {name}.gz, but there is "
            "neither; add it"
        )
    return found


def _array(path: Path, axes: int) -> npt.NDArray[np.uint8]:
    """The content, (N,) or (N, H, W)."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            header = np.frombuffer(_exactly(file.read(4 * (axes + 1)), 4 * (axes + 1)), ">u4")
            _check_magic(path, int(header[0]), axes)
            shape = tuple(int(length) for length in header[1:])
            size = int(np.prod(shape, dtype=object))
            content = _exactly(file.read(size + 1), size)
    except _UNREADABLE as error:
        raise InvalidData(
            f"{path}: the file must be a whole IDX file, but {reason(error)}; fetch it again"
        ) from error
    return np.frombuffer(content, np.uint8).reshape(shape)


def _exactly(content: bytes, size: int) -> bytes:
    if len(content) != size:
        raise EOFError(
            f"it is too {'short' if len(content) < size else 'long'} for the {size} bytes that it "
            "should have"
        )
    return content


def _check_magic(path: Path, magic: int, axes: int) -> None:
    if magic != _MAGIC[axes]:
        raise InvalidData(
            f"{path}: the file must begin with the magic number 0x{_MAGIC[axes]:08x} (bytes, "
            f"{axes} {'axes' if axes > 1 else 'axis'}), but begins with 0x{magic:08x}; "
            "fetch it again"
        )
