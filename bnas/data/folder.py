"""Folders of images: a folder for each class, below ``train``, ``val`` and ``test`` or at once."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bnas.data.decoding import decode
from bnas.data.files import reason
from bnas.data.images import LabelledImages, Labels
from bnas.data.split import MIN_PER_CLASS
from bnas.errors import InvalidData

_SUFFIXES: Final = (".png", ".jpg", ".jpeg")
_PARTS: Final = ("train", "val", "test")
# First bytes of what would be forgotten in silence: GIF, TIFF, BMP, PNG, JPEG, WebP.
_SIGNATURES: Final = (b"GIF8", b"II*\0", b"MM\0*", b"BM", b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
_LISTED: Final = 5
_CLUTTER: Final = "__MACOSX"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """The files of a folder: those to train on, then those that validate, then those that test.

    Attributes:
        paths: (N,)
        labels: (N,), the number of the class among the sorted names.
        num_validation: files of ``val``, where there is a ``test`` beside it.
        num_test: files of ``test``, or of a ``val`` alone.
        class_names: sorted.
    """

    paths: list[str]
    labels: Labels
    num_validation: int
    num_test: int
    class_names: tuple[str, ...]


def is_at(path: Path) -> bool:
    """Whether the path is a folder."""
    return path.is_dir()


def files(path: Path) -> list[str]:
    """What the content depends on."""
    return listing(path).paths


def folders(path: Path) -> list[Path]:
    """The folder, its parts and its classes: one of them changes when a file comes or goes."""
    tops = _folders_in(path)
    below = [folder for top in tops if top.name in _PARTS for folder in _folders_in(top)]
    return [path, *tops, *below]


class DoesNotFit(InvalidData):
    """The decoded images are larger than the memory that is free."""


def read_folder(path: Path, image_size: int | None = None) -> LabelledImages:
    """Read all images.

    Raises:
        InvalidData: a rule of `listing` or `decode` is broken.
        DoesNotFit: the memory is too short.
    """
    found = listing(path)
    _check_memory(path, len(found.paths), image_size)
    return LabelledImages(
        pixels=decode(found.paths, image_size),
        labels=found.labels,
        num_validation=found.num_validation,
        num_test=found.num_test,
        class_names=found.class_names,
    )


def listing(path: Path) -> Listing:
    """List what a folder holds, without looking into image files.

    Raises:
        InvalidData: no classes, an empty one, one with too few images, parts with different
            classes, a folder where images should be, an image in another format.
    """
    parts = _parts(path)
    names = _class_names(path, parts)
    paths: list[str] = []
    labels: list[int] = []
    sizes = []
    for folder in parts:
        before = len(paths)
        for label, name in enumerate(names):
            own = _images(folder / name)
            paths += own
            labels += [label] * len(own)
        sizes.append(len(paths) - before)
    _check_counts(path, Counter(labels[: sizes[0]]), names, is_split=len(parts) < len(_PARTS))
    return Listing(
        paths=paths,
        labels=np.array(labels, np.int64),
        num_validation=sizes[1] if len(sizes) == len(_PARTS) else 0,
        num_test=sizes[-1] if len(sizes) > 1 else 0,
        class_names=names,
    )


def _check_memory(path: Path, num_images: int, image_size: int | None) -> None:
    """Refuse what cannot be held; images whose size is not given are taken for small ones."""
    needed, free = num_images * 3 * (image_size or 1) ** 2, free_memory()
    if needed > free:
        raise DoesNotFit(
            f"{path}: decoded images must fit in memory or be streamed, but {num_images:,} of them "
            f"take {needed / 1e9:.1f} GB and {max(free, 0) / 1e9:.1f} GB are free; set a smaller "
            "image_size, or stream: true"
        )


def free_memory() -> int:
    """Bytes that may be used without swapping, all of the machine where that is not known."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        text = ""
    found = re.search(r"^MemAvailable: +(\d+) kB$", text, re.MULTILINE)
    if found is None:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(found[1]) * 1024


def _parts(path: Path) -> list[Path]:
    """The folders whose folders are classes, the one to train on first."""
    tops = {folder.name for folder in _folders_in(path)}
    if "train" not in tops:
        if tops & set(_PARTS):
            raise InvalidData(
                f"{path}: beside {' and '.join(sorted(tops & set(_PARTS)))} there must be a folder "
                "train, but there is none; add it, or rename what it is called"
            )
        return [path]
    strange = sorted(tops - set(_PARTS))
    if strange:
        raise InvalidData(
            f"{path}: beside train there may be the folders val and test, but there is "
            f"{strange[0]!r}; rename it to val or test, or move it away"
        )
    return [path / name for name in _PARTS if name in tops]


def _class_names(path: Path, parts: Sequence[Path]) -> tuple[str, ...]:
    names = [folder.name for folder in _folders_in(parts[0])]
    if len(names) < 2:
        raise InvalidData(
            f"{parts[0]}: there must be a folder of images for each of at least 2 classes, but "
            f"there {'is 1 folder' if names else 'are no folders'}; arrange the images as "
            f"{path / 'train' / 'CLASS' / 'IMAGE.png'}"
        )
    for part in parts[1:]:
        own = {folder.name for folder in _folders_in(part)}
        for name in sorted(own.symmetric_difference(names)):
            place, other = (part, parts[0]) if name in own else (parts[0], part)
            raise InvalidData(
                f"{place / name}: all parts must have the same classes, but {other} has no folder "
                f"{name!r}; add it there or remove this one"
            )
    return tuple(names)


def _check_counts(
    path: Path, counts: Counter[int], names: Sequence[str], *, is_split: bool
) -> None:
    least = MIN_PER_CLASS if is_split else 1
    rarest = min(range(len(names)), key=lambda label: counts[label])
    if counts[rarest] < least:
        raise InvalidData(
            f"{path}: there must be at least {least} images of every class to train on, so that "
            f"each split has some, but {names[rarest]!r} has {counts[rarest]}; add images or "
            "remove the class"
        )


def _images(folder: Path) -> list[str]:
    """The image files of a class, sorted by name."""
    found, others = [], []
    for entry in _entries(folder):
        if _is_folder(entry):
            raise InvalidData(
                f"{entry.path}: a class must hold images alone, but this is a folder; "
                "move its images up"
            )
        if entry.name.lower().endswith(_SUFFIXES):
            found.append(entry.path)
        elif _looks_like_an_image(entry.path):
            others.append(entry.name)
    if others:
        named = ", ".join(others[:_LISTED]) + (", ..." if len(others) > _LISTED else "")
        raise InvalidData(
            f"{folder}: images must be .png, .jpg or .jpeg files, but there are {len(others)} "
            f"others: {named}; convert, rename or remove them"
        )
    if not found:
        raise InvalidData(
            f"{folder}: a class must have images (.png, .jpg, .jpeg), but has none; "
            "add some or remove the folder"
        )
    return found


def _folders_in(path: Path) -> list[Path]:
    return [Path(entry.path) for entry in _entries(path) if _is_folder(entry)]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError as error:  # a link to itself
        raise _unreadable(entry.path, error) from error


def _entries(path: Path) -> list["os.DirEntry[str]"]:
    """What a folder holds, sorted by name, without what is hidden."""
    try:
        with os.scandir(path) as entries:
            return sorted(_visible(entries), key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(path, error) from error


def _visible(entries: "Iterator[os.DirEntry[str]]") -> "Iterator[os.DirEntry[str]]":
    return (entry for entry in entries if not entry.name.startswith((".", _CLUTTER)))


def _looks_like_an_image(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a string, as there may be very many)
            return file.read(8).startswith(_SIGNATURES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: OSError) -> InvalidData:
    return InvalidData(
        f"{path}: files and folders must be readable, but {reason(error)}; "
        "correct the permissions or the link, or remove it"
    )
