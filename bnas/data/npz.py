"""NumPy archives: ``x`` and ``y``, and ``x_test`` and ``y_test`` where there are such."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bnas.data.files import reason
from bnas.data.images import LabelledImages, RawPart, labelled_images
from bnas.errors import InvalidData

Array = npt.NDArray[Any]

# What zipfile and NumPy raise on damaged archives (found by flipping bits): RuntimeError for an
# encrypted member, NotImplementedError for an unknown compression.
_UNREADABLE: Final = (
    OSError,
    EOFError,
    MemoryError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
_REMEDY: Final = "save it with numpy.savez_compressed(path, x=..., y=...)"


def is_at(path: Path) -> bool:
    """Whether the path is that of an archive, which need not exist."""
    return path.suffix == ".npz"


def files(path: Path) -> list[Path]:
    """What the content depends on."""
    return [path]


def read_npz(path: Path, image_size: int | None = None) -> LabelledImages:
    """Read ``x`` (N, H, W, C) uint8 and ``y`` (N,) integers from an .npz file.

    Pickled objects are never loaded: a file that holds some is refused.

    Raises:
        InvalidData: unreadable, damaged, one of the two missing, or a rule of `labelled_images`.
    """
    try:
        with path.open("rb") as file:  # np.load leaks a file that it opened and could not read
            x, y, test = _members(np.load(file, allow_pickle=False), path)
    except _UNREADABLE as error:
        raise InvalidData(
            f"{path}: the file must be a readable .npz archive of plain arrays, but "
            f"{reason(error)}; {_REMEDY}"
        ) from error
    return labelled_images(x, y, origin=str(path), test=test, image_size=image_size)


def _members(archive: Any, path: Path) -> tuple[Array, Array, RawPart | None]:
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InvalidData(
            f"{path}: the file must be an .npz archive with 'x' and 'y', but holds a "
            f"single array; {_REMEDY}"
        )
    with archive:
        x, y = _array(archive, "x", path), _array(archive, "y", path)
        if "x_test" not in archive and "y_test" not in archive:
            return x, y, None
        names = ("x_test", "y_test")
        test_x, test_y = (_array(archive, name, path) for name in names)
        return x, y, RawPart(x=test_x, y=test_y, names=names)


def _array(archive: Any, name: str, path: Path) -> Array:
    if name not in archive:
        held = ", ".join(map(repr, archive.files)) or "nothing"
        raise InvalidData(f"{path}: the archive must hold {name!r}, but holds {held}; {_REMEDY}")
    value = archive[name]
    if not isinstance(value, np.ndarray):  # a member that is no .npy file comes as bytes
        raise InvalidData(
            f"{path}: {name!r} must be an array in NumPy's format, but is another file; {_REMEDY}"
        )
    return value
