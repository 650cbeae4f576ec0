"""The random changes of a recipe to a batch, in their order."""

from typing import NamedTuple

import torch
from torch import Tensor

from bnas.data.augmentation import cutout, mixup, random_crop, random_flip
from bnas.training.recipe import Recipe


class Mixed(NamedTuple):
    """What was mixed into the images: the labels (N,) of it, and the share that is their own."""

    y_N: Tensor
    share: float


def augmented(
    x_NHWC: Tensor, y_N: Tensor, recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, Mixed | None]:
    """The batch shifted, mirrored, cut out and mixed; and what was mixed in, if anything.

    Args:
        x_NHWC: images.
        y_N: labels.
        recipe: which changes.
        generator: on the CPU, whatever the device of the batch.
    """
    if recipe.crop_padding:
        x_NHWC = random_crop(x_NHWC, recipe.crop_padding, generator)
    if recipe.flip:
        x_NHWC = random_flip(x_NHWC, generator)
    if recipe.cutout:
        x_NHWC = cutout(x_NHWC, recipe.cutout, generator)
    if not recipe.mixup:
        return x_NHWC, None
    x_NHWC, partners_N, share = mixup(x_NHWC, recipe.mixup, generator)
    return x_NHWC, Mixed(y_N[partners_N], share)
