"""Writes captions into a panel of matplotlib."""

from typing import TYPE_CHECKING, Any, Final

from bnas.cost.ledger import Cost
from bnas.report.plots.captions import Caption, Surface, captions
from bnas.report.plots.labels import Box
from bnas.report.plots.palette import CANDIDATE, FRONT
from bnas.report.plots.scene import Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUMBER: Final[dict[str, Any]] = {"color": FRONT, "weight": "bold", "size": 9.5}
_NAME: Final[dict[str, Any]] = {"color": CANDIDATE, "size": 9}
# From this distance on, a line leads from the text to its point.
_FAR_PT: Final = 9.0


def annotate(panel: "Axes", scene: Scene, cost: Cost) -> None:
    """Writes the numbers of the front and the names of first candidates.

    Args:
        panel: Axes with their final limits and place in the figure.
        scene: What the picture shows.
        cost: The panel's horizontal axis.
    """
    surface = _surface(panel)
    for caption in captions(scene, cost, surface):
        _write(panel, caption, cost, surface)


def _surface(panel: "Axes") -> Surface:
    extent = panel.get_window_extent()

    def pixels(x: float, y: float) -> tuple[float, float]:
        right, up = panel.transData.transform((x, y))
        return float(right), float(up)

    def size(text: str, *, is_name: bool) -> tuple[float, float]:
        style = _NAME if is_name else _NUMBER
        probe = panel.text(0.5, 0.5, text, transform=panel.transAxes, parse_math=False, **style)
        measured = probe.get_window_extent()
        probe.remove()
        return measured.width, measured.height

    return Surface(
        box=Box(extent.x0, extent.y0, extent.x1, extent.y1),
        point=panel.figure.dpi / 72,
        pixels=pixels,
        size=size,
    )


def _write(panel: "Axes", caption: Caption, cost: Cost, surface: Surface) -> None:
    """A text with a white rim, and a thin line to its point where that is far."""
    from matplotlib.patheffects import withStroke

    style = _NAME if caption.is_name else _NUMBER
    box, mark = caption.place.box, caption.mark
    to_data = panel.transData.inverted()
    middle = to_data.transform(box.centre)
    panel.text(
        middle[0],
        middle[1],
        caption.text,
        ha="center",
        va="center_baseline",
        zorder=6,
        parse_math=False,
        path_effects=[withStroke(linewidth=2.4, foreground="white")],
        **style,
    )
    x, y = surface.pixels(mark.cost(cost), mark.percent)
    near = box.nearest(x, y)
    if abs(near[0] - x) + abs(near[1] - y) > _FAR_PT * surface.point:
        ends = to_data.transform([(x, y), near])
        panel.plot(ends[:, 0], ends[:, 1], color=style["color"], linewidth=0.6, zorder=2.6)
