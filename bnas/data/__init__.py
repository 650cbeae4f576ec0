"""Labelled images: where they come from, how they are split, and as tensors in memory.

`bnas.data.memory` and `bnas.data.augmentation` need torch and are imported where they are used.
"""

from bnas.data.images import Facts, LabelledImages, labelled_images
from bnas.data.sources import check_name, is_file, read, read_npz
from bnas.data.split import Split, stratified_split

__all__ = [
    "Facts",
    "LabelledImages",
    "Split",
    "check_name",
    "is_file",
    "labelled_images",
    "read",
    "read_npz",
    "stratified_split",
]
