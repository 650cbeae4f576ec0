"""Labelled images: where they come from, how they are split, and as batches of tensors.

What needs torch (`loading`, `memory`, `streaming`, `augmentation`) is imported where it is used.
"""

from bnas.data.finding import check_subset, find_images
from bnas.data.images import Facts, LabelledImages, labelled_images
from bnas.data.npz import read_npz
from bnas.data.settings import DataSettings
from bnas.data.sources import check_name, is_path, read, version
from bnas.data.split import Split, stratified_split

__all__ = [
    "DataSettings",
    "Facts",
    "LabelledImages",
    "Split",
    "check_name",
    "check_subset",
    "find_images",
    "is_path",
    "labelled_images",
    "read",
    "read_npz",
    "stratified_split",
    "version",
]
