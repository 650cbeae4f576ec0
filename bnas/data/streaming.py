"""Folders of images that do not fit in memory: threads decode ahead of the training."""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bnas.data.crops import random_box
from bnas.data.decoding import Coloured, converted, in_mode, num_threads, opened
from bnas.data.finding import ImageFiles, evenly
from bnas.data.images import Pixels, pixel_sums
from bnas.data.memory import Examples, FinalData, Normalisation, SearchData, normalisation_of
from bnas.data.resizing import fitted
from bnas.data.settings import DataSettings
from bnas.data.split import Indices, Part, Split, stratified_split
from bnas.errors import InvalidData

# While one batch trains, this many are being decoded.
_AHEAD: Final = 2
_DECODED_AT_ONCE: Final = 16
# Images are resized to 256 pixels for a crop of 224, as is usual since AlexNet.
_CROPPED_SHARE: Final = 224 / 256


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How an image becomes a square.

    Attributes:
        image_size: its side.
        crop_scale: smallest share of the area of a random crop, see `random_box`; None takes the
            middle.
        shorter_side: what the shorter side is resized to in front of the crop of the middle.
    """

    image_size: int
    crop_scale: float | None = None
    shorter_side: int | None = None

    def __call__(self, image: Image.Image, seeds: tuple[int, int]) -> Image.Image:
        """The square; `seeds` decide a random crop."""
        if self.crop_scale is None:
            return fitted(image, self.image_size, shorter_side=self.shorter_side)
        box = random_box(*image.size, self.crop_scale, np.random.default_rng(seeds))
        size = (self.image_size, self.image_size)
        return image.resize(size, Image.Resampling.BILINEAR, box=box)


class _Batch(NamedTuple):
    """Pixels that threads are filling, and the labels."""

    filling: list[Future[None]]
    pixels_NHWC: Pixels
    labels: Tensor


@final
class Streamed(Examples):
    """Part of a folder, decoded anew each time, in the order asked for on any number of threads.

    Random crops follow from the numbers of the images in a batch and their order: an order that a
    seed has drawn brings the same crops, gone on from a checkpoint or not.
    """

    def __init__(
        self,
        images: ImageFiles,
        indices: Indices,
        normalisation: Normalisation,
        *,
        view: View,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        self._images = images
        self._rows = torch.from_numpy(indices)
        self._labels = torch.from_numpy(images.files.labels)
        self._normalisation = normalisation.to(device)
        self._view = view
        self._device = torch.device(device)
        self._threads = threads or num_threads()

    def __len__(self) -> int:
        """See `Examples`."""
        return len(self._rows)

    @property
    def device(self) -> torch.device:
        """See `Examples`."""
        return self._device

    def batches(self, order: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Examples.batches`.

        Raises:
            InvalidData: an image is damaged; the message names its file.
        """
        pool = ThreadPoolExecutor(self._threads)
        coming = iter(order)
        try:
            queue = deque(self._begun(pool, batch_B) for batch_B in islice(coming, _AHEAD))
            while queue:
                queue.extend(self._begun(pool, batch_B) for batch_B in islice(coming, 1))
                yield self._finished(queue.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _begun(self, pool: ThreadPoolExecutor, batch_B: Tensor) -> _Batch:
        rows_B = self._rows[batch_B]
        facts = self._images.facts
        shape = (len(rows_B), facts.image_size, facts.image_size, facts.in_channels)
        pixels_NHWC = np.empty(shape, np.uint8)
        seed = zlib.crc32(batch_B.numpy().tobytes())

        def fill(first: int) -> None:
            last = min(first + _DECODED_AT_ONCE, len(rows_B))
            for place in range(first, last):
                pixels_NHWC[place] = decoded(
                    self._images, int(rows_B[place]), self._view, (seed, place)
                )

        filling = [pool.submit(fill, first) for first in range(0, len(rows_B), _DECODED_AT_ONCE)]
        return _Batch(filling=filling, pixels_NHWC=pixels_NHWC, labels=self._labels[rows_B])

    def _finished(self, batch: _Batch) -> tuple[Tensor, Tensor]:
        for part in batch.filling:
            part.result()
        pixels = torch.from_numpy(batch.pixels_NHWC).to(self._device)
        return self._normalisation(pixels), batch.labels.to(self._device)


def decoded(images: ImageFiles, number: int, view: View, seeds: tuple[int, int]) -> Pixels:
    """One image, (H, W, C).

    Raises:
        InvalidData: it is damaged, or has colours where those that were looked at have none.
    """
    path = images.files.paths[number]
    try:
        with opened(path) as image:
            pixels = np.asarray(view(in_mode(converted(image, path), images.mode), seeds))
    except Coloured:
        raise InvalidData(
            f"{path}: a folder that is streamed must have grey images alone or begin with others, "
            "but this one has colours and those that were looked at have none; convert it to grey"
        ) from None
    return pixels.reshape(*pixels.shape[:2], -1)


def streamed_search_data(
    images: ImageFiles, settings: DataSettings, *, device: str = "cpu"
) -> SearchData:
    """What a search sees, see `bnas.data.memory.search_data`.

    Raises:
        InvalidData: there are not so many images as the subset asks for, or one is damaged.
    """
    split = _split(images, settings)
    norm = _normalisation(images, split.train)
    learnt, scored = _views(settings, images.image_size)
    return SearchData(
        train=Streamed(images, split.train, norm, view=learnt, device=device),
        validation=Streamed(images, split.validation, norm, view=scored, device=device),
        facts=images.facts,
    )


def streamed_final_data(
    images: ImageFiles, settings: DataSettings, *, device: str = "cpu"
) -> FinalData:
    """What retraining sees, see `bnas.data.memory.final_data`.

    Raises:
        InvalidData: there are not so many images as the subset asks for, or one is damaged.
    """
    split = _split(images, settings, joined=True)
    norm = _normalisation(images, split.train)
    learnt, scored = _views(settings, images.image_size)
    return FinalData(
        train=Streamed(images, split.train, norm, view=learnt, device=device),
        test=Streamed(images, split.test, norm, view=scored, device=device),
        facts=images.facts,
        normalisation=norm,
        class_names=images.files.class_names,
    )


def streamed_part(
    images: ImageFiles,
    settings: DataSettings,
    part: Part,
    to_normal: Normalisation,
    *,
    device: str = "cpu",
) -> Streamed:
    """One part of a folder, or all of it, normalised as given and viewed as what is scored."""
    _, scored = _views(settings, images.image_size)
    indices = _split(images, settings).part(part)
    return Streamed(images, indices, to_normal, view=scored, device=device)


def _split(images: ImageFiles, settings: DataSettings, *, joined: bool = False) -> Split:
    return stratified_split(
        images.files.labels,
        seed=settings.split_seed,
        num_validation=images.files.num_validation,
        num_test=images.files.num_test,
        subset=settings.subset,
        joined=joined,
    )


def _views(settings: DataSettings, size: int) -> tuple[View, View]:
    """Of images to train on, and of images to score."""
    if settings.crop_scale is None:
        return View(image_size=size), View(image_size=size)
    shorter_side = round(size / _CROPPED_SHARE)
    return (
        View(image_size=size, crop_scale=settings.crop_scale),
        View(image_size=size, shorter_side=shorter_side),
    )


def _normalisation(images: ImageFiles, indices: Indices) -> Normalisation:
    """By some of the images: to decode all would take as long as an epoch."""
    view = View(image_size=images.image_size)
    chosen = [int(indices[place]) for place in evenly(len(indices))]

    def summed(number: int) -> Indices:
        return pixel_sums(decoded(images, number, view, (0, 0))[None])

    with ThreadPoolExecutor(num_threads()) as pool:
        sums_NC2 = np.concatenate(list(pool.map(summed, chosen)))
    return normalisation_of(sums_NC2, num_pixels=len(chosen) * images.image_size**2)
