"""CIFAR-10 and CIFAR-100 as their authors publish them for Python: folders of pickled batches.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009). A pickle is a
program; here none runs: numbers, texts, lists and dicts are all that is built, and arrays of bytes
from the raw state that NumPy wrote.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bnas.data.files import content, reason
from bnas.data.images import LabelledImages, RawPart, labelled_images
from bnas.errors import InvalidData

_SHAPE: Final = (3, 32, 32)
_NUM_VALUES: Final = 3 * 32 * 32
# What the unpickler raises on damaged files (found by flipping bits).
_DAMAGED: Final = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
_REMEDY: Final = "unpack the published archive for Python again"


def is_at(path: Path) -> bool:
    """Whether the folder has files with the names of either data set."""
    return _is_cifar10(path) or ((path / "train").is_file() and (path / "meta").is_file())


def files(path: Path) -> list[Path]:
    """The batches, and the file with the names of the classes, which comes last."""
    if _is_cifar10(path):
        batches = [f"data_batch_{number}" for number in range(1, 6)]
        return [path / name for name in (*batches, "test_batch", "batches.meta")]
    return [path / name for name in ("train", "test", "meta")]


def read_cifar(path: Path, image_size: int | None = None) -> LabelledImages:
    """Read all batches; of CIFAR-100 the fine labels.

    Raises:
        InvalidData: a file is missing, damaged, or not what these data sets have; it names it.
    """
    *train, test, meta = files(path)
    is_cifar10 = _is_cifar10(path)
    label_key, names_key = (
        ("labels", "label_names") if is_cifar10 else ("fine_labels", "fine_label_names")
    )
    parts = [_batch(file, label_key) for file in (*train, test)]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts[:-1], strict=True))
    return labelled_images(
        x,
        y,
        origin=str(path),
        names=("data", label_key),
        test=RawPart(x=parts[-1][0], y=parts[-1][1], names=("data", label_key)),
        image_size=image_size,
        class_names=_names(meta, names_key, num_classes=int(y.max()) + 1),
    )


def _is_cifar10(path: Path) -> bool:
    return (path / "data_batch_1").is_file() or (path / "batches.meta").is_file()


def _batch(path: Path, label_key: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images (N, 32, 32, 3) and labels (N,) of one file."""
    batch = _unpickled(path)
    data, labels = _value(batch, "data", path), _value(batch, label_key, path)
    if not isinstance(data, _Array):
        raise _wrong(path, "'data' must be an array of bytes, but is not one")
    pixels = data.pixels(path)
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise _wrong(path, f"{label_key!r} must be a list of integers, but is not one")
    if len(labels) != len(pixels):
        raise _wrong(
            path,
            f"{label_key!r} must have one label for each of {len(pixels)} images, but has "
            f"{len(labels)}",
        )
    if not all(0 <= label < len(pixels) for label in labels):
        raise _wrong(path, f"{label_key!r} must hold labels from 0 on, but holds other numbers")
    return pixels, np.array(labels, np.int64)


def _names(path: Path, key: str, *, num_classes: int) -> tuple[str, ...]:
    names = _value(_unpickled(path), key, path)
    texts = [_text(name) for name in names] if isinstance(names, list) else []
    if len(texts) != num_classes or None in texts:
        raise _wrong(path, f"{key!r} must be a list of {num_classes} names, but is not one")
    return tuple(str(text) for text in texts)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _value(batch: Mapping[Any, Any], key: str, path: Path) -> Any:
    for form in (key.encode(), key):  # Python 2 wrote bytes
        if form in batch:
            return batch[form]
    raise _wrong(path, f"the batch must hold {key!r}, but does not")


def _unpickled(path: Path) -> Mapping[Any, Any]:
    data = content(path)
    try:
        value = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except _DAMAGED as error:
        raise _wrong(
            path, f"the file must be a whole pickled batch, but {reason(error)}"
        ) from error
    if not isinstance(value, dict):
        raise _wrong(path, f"the file must hold a dict, but holds a {type(value).__name__}")
    return value


def _wrong(path: Path, problem: str) -> InvalidData:
    return InvalidData(f"{path}: {problem}; {_REMEDY}")


class _Inert:
    """Takes the place of whatever a pickle calls, and only remembers."""

    state: Any = None

    def __init__(self, *_: object) -> None:
        """Whatever the arguments, nothing happens."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Type(_Inert):
    """For numpy.dtype; knows whether it is that of single bytes."""

    def __init__(self, *arguments: object) -> None:
        self.is_byte = arguments[:1] in (("u1",), (b"u1",))


class _Array(_Inert):
    """For numpy.ndarray, whose state is (version, shape, type, is in Fortran's order, bytes)."""

    def pixels(self, path: Path) -> npt.NDArray[np.uint8]:
        """Images (N, 32, 32, 3)."""
        match self.state:
            case (_, (int(rows), int(columns)), _Type(is_byte=True), _, bytes(raw)):
                if columns == _NUM_VALUES and rows > 0 and len(raw) == rows * columns:
                    planes = np.frombuffer(raw, np.uint8).reshape(rows, *_SHAPE)
                    return planes.transpose(0, 2, 3, 1)
        raise _wrong(path, f"'data' must be bytes of the shape (N, {_NUM_VALUES}), but is not")


def _encoded(text: object, *_: object) -> bytes:
    """For _codecs.encode, with which Python 3 writes bytes for Python 2."""
    if isinstance(text, bytes):
        return text
    return text.encode("latin1") if isinstance(text, str) else b""


# NumPy's own names, old and new; what stands here builds nothing that could act.
_ALLOWED: Final[dict[tuple[str, str], Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encoded,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"it asks for {module_name}.{global_name}, which no such batch needs"
            )
        return _ALLOWED[module_name, global_name]
