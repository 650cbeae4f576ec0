"""What a training needs to know to find its images."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Which images, and what of them.

    Attributes:
        source: name of a data set or path, see `bnas.data.read`.
        image_size: brings the images to this size; None leaves them as they are.
        subset: trains on so many images alone; None on all.
        split_seed: see `bnas.data.stratified_split`.
        stream: decodes files whenever they are used, see `bnas.data.streaming`; None only where
            they do not fit in memory.
        crop_scale: trains on random crops of at least this share of the area, where images are
            streamed; None on the middle.
    """

    source: str
    image_size: int | None = None
    subset: int | None = None
    split_seed: int = 0
    stream: bool | None = None
    crop_scale: float | None = None
