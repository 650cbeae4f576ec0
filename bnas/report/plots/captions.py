"""The numbers of a front and the names of first candidates, each with its place in a panel."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from bnas.cost.ledger import Cost
from bnas.report.plots.labels import (
    ABOVE_LEFT_FIRST,
    BELOW_RIGHT_FIRST,
    DISTANCES,
    Box,
    Label,
    Obstacle,
    Place,
    place,
)
from bnas.report.plots.scene import Mark, Scene

_GAP_PT: Final = 4.5
_RADIUS_PT: Final = 3.5
_LINE_PT: Final = 0.7
_PADDING_PT: Final = 1.0

# More numbers than these in one panel cannot be told apart.
_MOST_NUMBERS: Final = 40

# What covering a square pixel weighs. Texts have a white rim, so lines may run behind them.
_OVER_DOT, _OVER_MARK, _OVER_LINE = 1.0, 3.0, 0.4


class Measure(Protocol):
    """Says how large a text will be."""

    def __call__(self, text: str, *, is_name: bool) -> tuple[float, float]:
        """Width and height in pixels."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A panel to write on.

    Attributes:
        box: The panel in pixels, y upwards.
        point: Pixels in a typographic point.
        pixels: Where a cost and an accuracy in percent lie.
        size: How large a text will be.
    """

    box: Box
    point: float
    pixels: Callable[[float, float], tuple[float, float]]
    size: Measure


class Caption(NamedTuple):
    """A text, the mark that it belongs to, and where it stands."""

    mark: Mark
    text: str
    is_name: bool
    place: Place


def captions(
    scene: Scene, cost: Cost, surface: Surface, *, distances: Sequence[float] = DISTANCES
) -> list[Caption]:
    """Labels the front and the first candidates where the texts cover least.

    Args:
        scene: What the picture shows.
        cost: The panel's horizontal axis.
        surface: The panel.
        distances: Distances of a text from its point to try, as multiples of the usual one.
    """
    # From the right: the label of a better design stands above the point of the one before.
    texts = [*reversed([*_numbers(scene, cost)]), *_names(scene)]
    labels = [_label(mark, text, cost, surface, is_name=named) for mark, text, named in texts]
    places = place(
        labels,
        obstacles=[*_points(scene, cost, surface), *_line_pieces(scene, cost, surface)],
        inside=surface.box,
        gap=_GAP_PT * surface.point,
        distances=distances,
    )
    return [Caption(*text, where) for text, where in zip(texts, places, strict=True)]


def _numbers(scene: Scene, cost: Cost) -> Iterator[tuple[Mark, str, bool]]:
    """One text for each place on the front, for some of them where there are too many to read."""
    places: dict[tuple[float, float], list[Mark]] = {}
    for mark in sorted(scene.front, key=lambda mark: mark.cost(cost)):
        places.setdefault((mark.cost(cost), mark.percent), []).append(mark)
    step = math.ceil(len(places) / _MOST_NUMBERS)
    for marks in list(places.values())[::step]:
        yield marks[0], _together([mark.number or 0 for mark in marks]), False


def _together(numbers: Sequence[int]) -> str:
    """The numbers of equally good designs."""
    few = len(numbers) <= 3
    return ", ".join(map(str, numbers)) if few else f"{min(numbers)} ... {max(numbers)}"


def _names(scene: Scene) -> Iterator[tuple[Mark, str, bool]]:
    for mark in scene.candidates:
        yield mark, mark.name or "", True


def _label(mark: Mark, text: str, cost: Cost, surface: Surface, *, is_name: bool) -> Label:
    x, y = surface.pixels(mark.cost(cost), mark.percent)
    width, height = surface.size(text, is_name=is_name)
    width += 2 * _PADDING_PT * surface.point
    return Label(x, y, width, height, BELOW_RIGHT_FIRST if is_name else ABOVE_LEFT_FIRST)


def _points(scene: Scene, cost: Cost, surface: Surface) -> Iterator[Obstacle]:
    radius = _RADIUS_PT * surface.point
    for mark in scene.marks:
        x, y = surface.pixels(mark.cost(cost), mark.percent)
        is_dot = mark.number is None and mark.name is None
        box = Box(x - radius, y - radius, x + radius, y + radius)
        yield Obstacle(box, _OVER_DOT if is_dot else _OVER_MARK)


def _line_pieces(scene: Scene, cost: Cost, surface: Surface) -> Iterator[Obstacle]:
    """The step line as thin boxes."""
    half = _LINE_PT * surface.point
    corners = [surface.pixels(x, y) for x, y in scene.steps(cost)]
    corners.append((surface.box.right, corners[-1][1]))
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        yield Obstacle(Box(x0, y0 - half, x1, y0 + half), _OVER_LINE)
        yield Obstacle(Box(x1 - half, y0, x1 + half, y1), _OVER_LINE)
