"""Data sets of the Hugging Face hub, through its own library `datasets`, where it is installed."""

from typing import Any, Final

import numpy as np

from bnas.data.decoding import UNREADABLE, Coloured, Mode, converted, in_mode
from bnas.data.files import reason
from bnas.data.images import LabelledImages, Pixels, RawPart, labelled_images
from bnas.data.resizing import fitted
from bnas.errors import InvalidData

# Of several labels, as those of CIFAR-100, the finest.
_LABELS: Final = ("label", "labels", "fine_label")
_HELD_OUT: Final = ("test", "validation")


def read_hub(name: str, image_size: int | None = None) -> LabelledImages:
    """Read a data set for classifying images.

    The split ``train`` is trained on; the split ``test``, or ``validation`` where there is none
    with labels, is the test part.

    Raises:
        InvalidData: the library is missing, the data set cannot be had, or it has no images with
            labels of classes.
    """
    splits = _loaded(name)
    if "train" not in splits:
        raise InvalidData(
            f"hf:{name}: the data set must have a split 'train', but has "
            f"{', '.join(map(repr, splits)) or 'none'}; choose another one"
        )
    x, y = _arrays(name, splits["train"], image_size)
    test = next((split for split in _HELD_OUT if _is_labelled(name, splits, split)), None)
    part = None
    if test is not None:
        test_x, test_y = _arrays(name, splits[test], image_size)
        part = RawPart(x=test_x, y=test_y, names=(f"{test} images", f"{test} labels"))
    return labelled_images(
        x,
        y,
        origin=f"hf:{name}",
        names=("train images", "train labels"),
        test=part,
        class_names=tuple(splits["train"].features[_label(name, splits["train"])].names),
    )


def _loaded(name: str) -> Any:
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise InvalidData(
            f"hf:{name}: data sets of the hub need the package datasets, but it is not installed; "
            "install it with `pip install datasets`"
        ) from error
    try:
        return datasets.load_dataset(name)
    except (DatasetsError, OSError, RuntimeError, ValueError, LookupError) as error:
        raise InvalidData(
            f"hf:{name}: the data set must be one that the hub gives, but {reason(error)}; "
            "correct the name or the connection"
        ) from error


def _arrays(name: str, split: Any, image_size: int | None) -> tuple[Any, Any]:
    image, label = _column(name, split, "Image"), _label(name, split)
    labels = np.array(split[label], np.int64)
    try:
        try:
            pixels = _pixels(name, split, image, image_size, "L")
        except Coloured:
            pixels = _pixels(name, split, image, image_size, "RGB")
    except UNREADABLE as error:
        raise InvalidData(
            f"hf:{name}: all images must be readable, but {reason(error)}; choose another data set"
        ) from error
    return pixels, labels


def _is_labelled(name: str, splits: Any, split: str) -> bool:
    """Whether there is such a split, and its labels are not kept back, as those of contests are."""
    return split in splits and min(splits[split][_label(name, splits[split])], default=-1) >= 0


def _pixels(name: str, split: Any, column: str, image_size: int | None, mode: Mode) -> Any:
    pixels: list[Pixels] = []
    for number, row in enumerate(split):
        image = in_mode(converted(row[column], f"hf:{name}, image {number}"), mode)
        ready = image if image_size is None else fitted(image, image_size)
        if pixels and pixels[0].shape[:2] != ready.size[::-1]:
            raise InvalidData(
                f"hf:{name}: all images must have one size, but image {number} has "
                f"{ready.width} x {ready.height} pixels; set image_size to resize them, as in "
                "`--set evaluator.image_size=64`"
            )
        pixels.append(np.asarray(ready).reshape(ready.height, ready.width, -1))
    return np.stack(pixels) if pixels else np.empty((0, 0, 0, 1), np.uint8)


def _label(name: str, split: Any) -> str:
    known = [column for column in _LABELS if column in split.features]
    return known[0] if known else _column(name, split, "ClassLabel")


def _column(name: str, split: Any, kind: str) -> str:
    """The first column of a kind."""
    for column, feature in split.features.items():
        if type(feature).__name__ == kind:
            return str(column)
    held = ", ".join(f"{key} ({type(value).__name__})" for key, value in split.features.items())
    raise InvalidData(
        f"hf:{name}: the data set must have a column of the kind {kind}, but has {held}; "
        "choose one for classifying images"
    )
