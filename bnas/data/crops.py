"""Crops of random place, size and shape, as networks for photographs are trained on."""

import math
from typing import Final

import numpy as np

from bnas.data.resizing import Box

_RATIO: Final = 4 / 3
_TRIES: Final = 10


def random_box(width: int, height: int, scale: float, rng: np.random.Generator) -> Box:
    """Draw a part of an image, which is then resized to a square.

    Its area is an even share between `scale` and 1 of the image's, the logarithm of its ratio of
    sides is even between those of 3/4 and 4/3 (Szegedy et al., "Going Deeper with Convolutions",
    CVPR 2015, section 6). If ten such parts reach out of the image, it is the middle square.

    Args:
        width: of the image, in pixels.
        height: of the image, in pixels.
        scale: smallest share of the area, in (0, 1].
        rng: what draws.

    Returns:
        Left, upper, right and lower border, in whole pixels.
    """
    for _ in range(_TRIES):
        area = width * height * rng.uniform(scale, 1)
        ratio = math.exp(rng.uniform(-math.log(_RATIO), math.log(_RATIO)))
        wide, high = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < wide <= width and 0 < high <= height:
            left = int(rng.integers(width - wide + 1))
            top = int(rng.integers(height - high + 1))
            return left, top, left + wide, top + high
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side
