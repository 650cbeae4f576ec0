"""Draws a front with matplotlib, without a display and without pyplot's global state."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from bnas.report.plots.palette import QUIET
from bnas.report.plots.panel import draw_panel
from bnas.report.plots.scene import NO_FRONT, Scene
from bnas.report.plots.style import DPI, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In inches. The one-panel picture is made to be shown 800 pixels wide.
_WIDTH: Final = {1: 8.0, 2: 10.5}
_PANEL_HEIGHT: Final = 3.6
_MARGIN: Final = 0.2
_LEFT: Final = 0.72
_ABOVE: Final = 1.08
_BELOW: Final = 0.66
_NOTE_LINE: Final = 0.19
_LETTERS_PER_INCH: Final = 14.5


def draw(scene: Scene) -> dict[str, bytes]:
    """The picture as the content of a .png and of a .svg file, the same for the same scene."""
    return drawn(lambda: _figure(scene), title=scene.title)


def _figure(scene: Scene) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = _WIDTH[len(scene.costs)]
    notes = textwrap.wrap(" ".join(scene.notes), int(width * _LETTERS_PER_INCH))
    below = _BELOW + _MARGIN / 2 + _NOTE_LINE * len(notes)
    height = _ABOVE + _PANEL_HEIGHT + below
    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)  # which ties itself to the figure
    grid = figure.add_gridspec(
        1,
        len(scene.costs),
        left=_LEFT / width,
        right=1 - _MARGIN / width,
        bottom=below / height,
        top=1 - _ABOVE / height,
        wspace=0.07,
    )
    panels: list[Axes] = list(grid.subplots(sharey=True, squeeze=False)[0])
    _write_around(figure, scene, notes)
    if not scene.front:
        _say_empty(panels)
        return figure
    panels[0].set_ylabel(f"{scene.words.accuracy} (%)")
    for panel, cost in zip(panels, scene.costs, strict=True):
        draw_panel(panel, scene, cost)
    _add_legend(figure, panels)
    return figure


def _write_around(figure: "Figure", scene: Scene, notes: Sequence[str]) -> None:
    """Title, subtitle and notes."""
    width, height = figure.get_size_inches()
    left = _MARGIN / width
    figure.text(left, 1 - 0.32 / height, scene.title, size=14, weight="bold", parse_math=False)
    figure.text(left, 1 - 0.56 / height, scene.subtitle, color=QUIET, parse_math=False)
    for row, line in enumerate(reversed(notes)):
        y = (_MARGIN * 0.7 + _NOTE_LINE * row) / height
        figure.text(left, y, line, size=8.5, color=QUIET, parse_math=False)


def _say_empty(panels: Sequence["Axes"]) -> None:
    for panel in panels:
        panel.set(xticks=[], yticks=[])
        centred: dict[str, Any] = {"ha": "center", "va": "center", "transform": panel.transAxes}
        panel.text(0.5, 0.5, NO_FRONT, size=12, color=QUIET, **centred)


def _add_legend(figure: "Figure", panels: Sequence["Axes"]) -> None:
    entries: dict[str, Any] = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        for handle, label in zip(handles, labels, strict=True):
            entries.setdefault(label, handle)
    width, height = figure.get_size_inches()
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="upper left",
        bbox_to_anchor=(_MARGIN / width, 1 - 0.73 / height),
        ncols=len(entries),
        frameon=False,
        fontsize=9,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.4,
        columnspacing=1.4,
        handlelength=1.4,
    )
