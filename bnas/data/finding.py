"""The images of settings: decoded, or as files that are decoded again whenever they are used."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bnas.data.decoding import Mode, converted, opened
from bnas.data.folder import DoesNotFit, Listing, listing
from bnas.data.images import Facts, LabelledImages
from bnas.data.settings import DataSettings
from bnas.data.sources import is_folder, read
from bnas.data.split import stratified_split
from bnas.errors import InvalidData

SAMPLE: Final = 1024
"""So many images are looked at where looking at all would take too long."""

_log = logging.getLogger("bnas.data")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageFiles:
    """Files to be streamed.

    Attributes:
        files: paths, labels, parts and names.
        mode: grey or RGB.
        image_size: which they are brought to.
    """

    files: Listing
    mode: Mode
    image_size: int

    @property
    def facts(self) -> Facts:
        """Size of the images, their channels and classes."""
        return Facts(
            image_size=self.image_size,
            in_channels=1 if self.mode == "L" else 3,
            num_classes=len(self.files.class_names),
        )


def find_images(settings: DataSettings) -> LabelledImages | ImageFiles:
    """The images of settings, as files where they are to be streamed or memory is too short.

    Raises:
        InvalidData: they cannot be used, or only a folder of images can be streamed.
    """
    if settings.stream:
        return _image_files(settings)
    try:
        return read(settings.source, image_size=settings.image_size)
    except DoesNotFit as error:
        if settings.stream is not None or settings.image_size is None:
            raise
        _log.warning("%s; they are streamed", str(error).partition(";")[0])
        return _image_files(settings)


def evenly(count: int, most: int = SAMPLE) -> list[int]:
    """Numbers below `count`, all of them or `most` spread evenly."""
    return [int(number) for number in np.linspace(0, count - 1, min(count, most))]


def _image_files(settings: DataSettings) -> ImageFiles:
    if not is_folder(settings.source):
        raise InvalidData(
            f"{settings.source}: only a folder of images can be streamed, but this is none; "
            "leave stream out"
        )
    if settings.image_size is None:
        raise InvalidData(
            f"{settings.source}: images that are streamed need an image_size, but none is given; "
            "set one, as in `--set evaluator.image_size=224`"
        )
    files = listing(Path(settings.source))
    return ImageFiles(files=files, mode=_mode(files.paths), image_size=settings.image_size)


def _mode(paths: list[str]) -> Mode:
    """RGB unless all images that are looked at are grey."""
    for number in evenly(len(paths)):
        with opened(paths[number]) as image:
            if converted(image, paths[number]).mode != "L":
                return "RGB"
    return "L"


def check_subset(
    settings: DataSettings, images: LabelledImages | ImageFiles, *, joined: bool = False
) -> None:
    """Refuses a subset that cannot be taken, before anything is trained.

    Args:
        settings: The subset and the split.
        images: What `find_images` finds for them.
        joined: See `stratified_split`.

    Raises:
        InvalidData: it is larger than there are images, or has none of a class.
    """
    if settings.subset is None:
        return
    own = images.files if isinstance(images, ImageFiles) else images
    stratified_split(
        own.labels,
        seed=settings.split_seed,
        num_validation=own.num_validation,
        num_test=own.num_test,
        subset=settings.subset,
        joined=joined,
    )
