"""The data of settings on a device; those to train on are read once by each process."""

from functools import lru_cache

from bnas.data.finding import ImageFiles, find_images
from bnas.data.images import Facts
from bnas.data.memory import (
    Examples,
    FinalData,
    Normalisation,
    SearchData,
    final_data,
    part_in_memory,
    search_data,
)
from bnas.data.settings import DataSettings
from bnas.data.sources import version
from bnas.data.split import Part
from bnas.data.streaming import streamed_final_data, streamed_part, streamed_search_data


def load_search_data(settings: DataSettings, *, device: str = "cpu") -> SearchData:
    """What a search sees; the same object again as long as files do not change.

    Raises:
        InvalidData: the data cannot be used.
    """
    return _search_data(settings, device, version(settings.source))


def load_final_data(settings: DataSettings, *, device: str = "cpu") -> FinalData:
    """What retraining sees; the same object again as long as files do not change.

    Raises:
        InvalidData: the data cannot be used.
    """
    return _final_data(settings, device, version(settings.source))


def load_part(
    settings: DataSettings, part: Part, to_normal: Normalisation, *, device: str = "cpu"
) -> tuple[Examples, Facts]:
    """One part of the data, or all of them, as they are scored.

    Args:
        settings: Which data; a subset is of training images, so there must be none.
        part: Which part.
        to_normal: What is done to pixels.
        device: Where batches lie.

    Raises:
        InvalidData: the data cannot be used.
    """
    images = find_images(settings)
    if isinstance(images, ImageFiles):
        streamed = streamed_part(images, settings, part, to_normal, device=device)
        return streamed, images.facts
    seed = settings.split_seed
    return part_in_memory(images, part, to_normal, split_seed=seed, device=device), images.facts


# The last one is kept: a worker runs many trials on the same data. The version is part of the key
# only, so that files that were written again are read again.
@lru_cache(maxsize=1)
def _search_data(settings: DataSettings, device: str, _: object) -> SearchData:
    images = find_images(settings)
    if isinstance(images, ImageFiles):
        return streamed_search_data(images, settings, device=device)
    return search_data(
        images, split_seed=settings.split_seed, subset=settings.subset, device=device
    )


@lru_cache(maxsize=1)
def _final_data(settings: DataSettings, device: str, _: object) -> FinalData:
    images = find_images(settings)
    if isinstance(images, ImageFiles):
        return streamed_final_data(images, settings, device=device)
    return final_data(images, split_seed=settings.split_seed, subset=settings.subset, device=device)
