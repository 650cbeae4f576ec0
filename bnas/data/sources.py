"""Where labelled images come from: data sets known by name, and the user's own .npz files."""

import difflib
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bnas.data.images import LabelledImages, labelled_images
from bnas.errors import InvalidData

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


def read(source: str) -> LabelledImages:
    """Read a data set by its name or, if it ends in ``.npz``, from the file.

    Raises:
        InvalidData: unknown name, or the file breaks a rule of `read_npz`.
    """
    if is_file(source):
        return read_npz(Path(source))
    check_name(source)
    return _NAMED[source]()


def is_file(source: str) -> bool:
    """Tell a path from a name: it ends in ``.npz`` or has a path separator."""
    return source.endswith(".npz") or os.sep in source


def check_name(source: str) -> None:
    """Refuse a name that `read` does not know.

    Raises:
        InvalidData: unknown name.
    """
    if source not in _NAMED:
        close = difflib.get_close_matches(source, _NAMED, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InvalidData(
            f"unknown data set {source!r}; {hint}available: {', '.join(_NAMED)}, "
            "or give the path of an .npz file"
        )


def read_digits() -> LabelledImages:
    """Read scikit-learn's handwritten digits: 1,797 images, 8x8x1, 10 classes, pixels 0 to 16.

    Half of UCI's "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998).
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = digits.images.astype(np.uint8)[..., None]
    return labelled_images(pixels, digits.target, origin="digits")


def read_npz(path: Path) -> LabelledImages:
    """Read ``x`` (N, H, W, C) uint8 and ``y`` (N,) integers from an .npz file.

    Pickled objects are never loaded: a file that holds some is refused.

    Raises:
        InvalidData: unreadable, damaged, one of the two missing, or a rule of `labelled_images`.
    """
    try:
        with path.open("rb") as file:  # np.load leaks a file that it opened and could not read
            x, y = _members(np.load(file, allow_pickle=False), path)
    except _UNREADABLE as error:
        raise InvalidData(
            f"{path}: the file must be a readable .npz archive of plain arrays, but "
            f"{_reason(error)}; save it with numpy.savez_compressed(path, x=..., y=...)"
        ) from error
    return labelled_images(x, y, origin=str(path))


def _members(archive: Any, path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InvalidData(
            f"{path}: the file must be an .npz archive with 'x' and 'y', but holds a "
            "single array; save it with numpy.savez_compressed(path, x=..., y=...)"
        )
    with archive:
        return _array(archive, "x", path), _array(archive, "y", path)


def _array(archive: Any, name: str, path: Path) -> npt.NDArray[Any]:
    if name not in archive:
        held = ", ".join(map(repr, archive.files)) or "nothing"
        raise InvalidData(
            f"{path}: the archive must hold {name!r}, but holds {held}; "
            "save it with numpy.savez_compressed(path, x=..., y=...)"
        )
    value = archive[name]
    if not isinstance(value, np.ndarray):  # a member that is no .npy file comes as bytes
        raise InvalidData(
            f"{path}: {name!r} must be an array in NumPy's format, but is another file; "
            "save it with numpy.savez_compressed(path, x=..., y=...)"
        )
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error).strip().rstrip(".") or type(error).__name__


_NAMED: Final[dict[str, Callable[[], LabelledImages]]] = {"digits": read_digits}
