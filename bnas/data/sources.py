"""Where labelled images come from: data sets known by name, and paths, by what lies there."""

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bnas.data import cifar, folder, idx, npz
from bnas.data.cache import kept
from bnas.data.files import reason
from bnas.data.images import LabelledImages, labelled_images
from bnas.errors import InvalidData

REQUIRED: Final = "required"
"""In place of a data set: whoever uses the evaluator has to give one."""

_HUB: Final = "hf:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way in which images lie on a disk.

    Attributes:
        is_at: tells by names alone whether a path has it.
        files: all files that the content depends on.
        read: reads it, brought to an image size if one is given.
        watched: a few paths of which at least one has another time after most changes.
    """

    is_at: Callable[[Path], bool]
    files: Callable[[Path], Sequence[str | Path]]
    read: Callable[[Path, int | None], LabelledImages]
    watched: Callable[[Path], Sequence[str | Path]]


FORMATS: Final = (
    Format(is_at=npz.is_at, files=npz.files, read=npz.read_npz, watched=npz.files),
    Format(is_at=cifar.is_at, files=cifar.files, read=cifar.read_cifar, watched=cifar.files),
    Format(is_at=idx.is_at, files=idx.files, read=idx.read_idx, watched=idx.files),
    # The last, as it takes any folder.
    Format(is_at=folder.is_at, files=folder.files, read=folder.read_folder, watched=folder.folders),
)


def read(source: str, *, image_size: int | None = None) -> LabelledImages:
    """Read a data set by its name or from its path; decoded once, see `bnas.data.cache`.

    Args:
        source: see `check_name` and `is_path`.
        image_size: bring the images to this size, see `bnas.data.resizing.fitted`.

    Raises:
        InvalidData: unknown name, nothing readable at the path, or a rule of its format is broken.
    """
    if is_path(source):
        path = Path(source)
        form = format_at(path)
        # Every spelling of a path has one entry: workers have another working directory.
        place = path.resolve()
        content = [_status(file) for file in form.files(place)]
        return kept(str(place), image_size, content, lambda: form.read(path, image_size))
    check_name(source)
    if source == REQUIRED:
        raise InvalidData(
            "the evaluator leaves its data to whoever uses it, but none are given; name a data set "
            "or a path, as in `--data ./images`"
        )
    if source.startswith(_HUB):
        from bnas.data.hub import read_hub

        name = source.removeprefix(_HUB)
        return kept(source, image_size, None, lambda: read_hub(name, image_size))
    return _NAMED[source](image_size)


def is_path(source: str) -> bool:
    """Tell a path from a name: it has a separator, ends in ``.npz``, or is ``.`` or ``..``."""
    if source.startswith(_HUB):
        return False
    return os.sep in source or source.endswith(".npz") or source in {".", ".."}


def check_name(source: str) -> None:
    """Refuse a name that `read` does not know.

    Raises:
        InvalidData: unknown name.
    """
    if source in _NAMED or source == REQUIRED or source.startswith(_HUB):
        return
    close = difflib.get_close_matches(source, _NAMED, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise InvalidData(
        f"unknown data set {source!r}; {hint}available: {', '.join(_NAMED)}, hf:NAME, "
        "or give a path, as ./images or images.npz"
    )


def format_at(path: Path) -> Format:
    """The format of what lies at a path.

    Raises:
        InvalidData: there is nothing, or a file that is no .npz archive.
    """
    try:
        for one in FORMATS:
            if one.is_at(path):
                return one
        path.stat()
        problem = "it is another file"
    except (OSError, ValueError) as error:
        problem = reason(error)
    raise InvalidData(
        f"{path}: the data must be an .npz archive, or a folder of images, of CIFAR batches or of "
        f"IDX files, but {problem}; correct the path"
    )


def is_folder(source: str) -> bool:
    """Whether a source is a folder of images.

    Raises:
        InvalidData: see `format_at`.
    """
    return is_path(source) and format_at(Path(source)).read is folder.read_folder


def version(source: str) -> tuple[tuple[str, int, int], ...] | None:
    """What another content most likely changes, found in milliseconds; None of a name.

    It is for whoever reads the same data many times; see `bnas.data.cache` for what is certain.
    """
    if not is_path(source):
        return None
    path = Path(source)
    if not path.exists():  # `read` says what is wrong
        return ()
    return tuple(_status(watched) for watched in format_at(path).watched(path))


def _status(path: str | Path) -> tuple[str, int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 (there may be very many)
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_size, status.st_mtime_ns


def read_digits(image_size: int | None = None) -> LabelledImages:
    """Read scikit-learn's handwritten digits: 1,797 images, 8x8x1, 10 classes, pixels 0 to 16.

    Half of UCI's "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998).
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = digits.images.astype(np.uint8)[..., None]
    return labelled_images(pixels, digits.target, origin="digits", image_size=image_size)


_NAMED: Final[dict[str, Callable[[int | None], LabelledImages]]] = {"digits": read_digits}
