"""The data of settings on a device, read once by each process."""

from functools import lru_cache

from bnas.data.finding import ImageFiles, find_images
from bnas.data.memory import FinalData, SearchData, final_data, search_data
from bnas.data.settings import DataSettings
from bnas.data.sources import version
from bnas.data.streaming import streamed_final_data, streamed_search_data


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
