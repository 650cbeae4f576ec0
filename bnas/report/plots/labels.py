"""Finds places for labels beside points, so that they cover neither points nor each other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # shape (n, 4): left, bottom, right, top in pixels, y upwards


class Box(NamedTuple):
    """A rectangle in pixels, y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def centre(self) -> tuple[float, float]:
        """Where its middle is."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return (self.right - self.left) * (self.top - self.bottom)

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The point of the box that is nearest to (x, y)."""
        return min(max(x, self.left), self.right), min(max(y, self.bottom), self.top)


class Obstacle(NamedTuple):
    """What should stay visible, and how much a covered square pixel of it weighs."""

    box: Box
    weight: float


class Label(NamedTuple):
    """What is to be placed.

    Attributes:
        x: The point that it belongs to, in pixels.
        y: Likewise, upwards.
        width: Of the text, in pixels.
        height: Of the text, in pixels.
        sides: Where it may stand as seen from the point, the best place first: each a pair of -1
            (left, below), 0 (centred) and 1 (right, above).
    """

    x: float
    y: float
    width: float
    height: float
    sides: Sequence[tuple[int, int]]


class Place(NamedTuple):
    """Where a label stands: its box, and on which side of its point."""

    box: Box
    side: tuple[int, int]


# The upper left of a point on the front is empty: nothing cheaper is better.
ABOVE_LEFT_FIRST: Final = ((-1, 1), (0, 1), (-1, 0), (1, -1), (1, 0), (0, -1), (1, 1), (-1, -1))
BELOW_RIGHT_FIRST: Final = ((1, -1), (1, 0), (0, -1), (-1, -1), (-1, 0), (1, 1), (0, 1), (-1, 1))

# Distances as multiples of the gap, and what a step away and a later side cost, as shares of
# the squared height of a label.
DISTANCES: Final = (1.0, 2.6, 5.0)
_FARTHER: Final = 0.25
_LATER_SIDE: Final = 0.02
_OVER_A_LABEL: Final = 12.0
_OUTSIDE: Final = 8.0


def place(
    labels: Iterable[Label],
    *,
    obstacles: Iterable[Obstacle],
    inside: Box,
    gap: float,
    distances: Sequence[float] = DISTANCES,
) -> list[Place]:
    """Chooses a place for each label in turn, the one that covers least.

    Args:
        labels: What to place, the most important first.
        obstacles: What should stay visible.
        inside: Where labels have to be.
        gap: Distance between point and text in pixels, where there is room.
        distances: Distances to try, the best first, as multiples of the gap.
    """
    known = list(obstacles)
    boxes = np.array([obstacle.box for obstacle in known], dtype=np.float64).reshape(-1, 4)
    weights = np.array([obstacle.weight for obstacle in known], dtype=np.float64)
    placed: list[Place] = []
    for label in labels:
        scored = [
            (remoteness + _covered(where.box, boxes, weights, inside), where)
            for where, remoteness in _places(label, gap, distances)
        ]
        best = min(scored, key=lambda pair: pair[0])[1]
        placed.append(best)
        boxes = np.vstack([boxes, best.box])
        weights = np.append(weights, _OVER_A_LABEL)
    return placed


def _places(label: Label, gap: float, distances: Sequence[float]) -> Iterator[tuple[Place, float]]:
    """Every place of a label with its remoteness, in square pixels as covering is."""
    half_width, half_height = label.width / 2, label.height / 2
    for step, factor in enumerate(distances):
        for rank, (right, up) in enumerate(label.sides):
            reach = gap * factor * (0.75 if right and up else 1.0)
            x = label.x + right * (reach + half_width)
            y = label.y + up * (reach + half_height)
            box = Box(x - half_width, y - half_height, x + half_width, y + half_height)
            remoteness = (step * _FARTHER + rank * _LATER_SIDE) * label.height**2
            yield Place(box, (right, up)), remoteness


def _covered(box: Box, boxes: Boxes, weights: NDArray[np.float64], inside: Box) -> float:
    outside = box.area - float(_overlaps(box, np.array([inside]))[0])
    return float(_overlaps(box, boxes) @ weights) + _OUTSIDE * outside


def _overlaps(box: Box, boxes: Boxes) -> NDArray[np.float64]:
    """Area that a box shares with each of `boxes`, shape (n,), in square pixels."""
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, 2:], box[2:])
    overlaps: NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=1)
    return overlaps
