"""The curve of a training as a picture: its loss, its sign flips, and what went wrong, in words."""

import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bnas.errors import RunError
from bnas.report.formatting import counted
from bnas.report.plots.palette import CANDIDATE, FRONT, GRID, OTHER, QUIET
from bnas.report.plots.style import drawn
from bnas.runs.curves import CURVE, read_curve
from bnas.runs.files import write_bytes
from bnas.training.curve import CurvePoint
from bnas.training.diagnosis import Symptom, symptoms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In inches.
_WIDTH: Final = 8.0
_PANELS: Final = 5.0
_ABOVE, _BELOW, _LEFT, _RIGHT = 0.72, 0.62, 0.78, 0.2
_NOTE_LINE: Final = 0.19
_LETTERS: Final = 116
_HEALTHY: Final = "No known failure of training shows."


def plot_curve(folder: Path, *, title: str) -> tuple[Path, ...]:
    """Writes `curve.png` and `curve.svg` beside the curve of a training, and returns their paths.

    Args:
        folder: Where `bnas.runs.curves.Curve` wrote; the training may still go on.
        title: What was trained.

    Raises:
        RunError: There is no curve, it is damaged, or the folder cannot be written.
    """
    points = read_curve(folder)
    if not points:
        raise RunError(
            f"a curve is drawn when an epoch is done, but {folder / CURVE} has none; train first"
        )
    paths = []
    for kind, content in draw_curve(points, title=title).items():
        paths.append(folder / f"curve.{kind}")
        write_bytes(paths[-1], content)
    return tuple(paths)


def draw_curve(points: Sequence[CurvePoint], *, title: str) -> dict[str, bytes]:
    """The picture as the content of a .png and of a .svg file, the same for the same curve.

    Args:
        points: At least one epoch.
        title: What was trained.
    """
    return drawn(lambda: _figure(points, title, words(symptoms(points))), title=title)


def words(found: Sequence[Symptom]) -> list[str]:
    """What stands beneath the picture: a sentence for each symptom, or that there is none."""
    return [f"{str(one)[0].upper()}{str(one)[1:]}." for one in found] or [_HEALTHY]


def _figure(points: Sequence[CurvePoint], title: str, sentences: Sequence[str]) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    notes = [line for sentence in sentences for line in textwrap.wrap(sentence, _LETTERS)]
    below = _BELOW + _NOTE_LINE * len(notes)
    height = _ABOVE + _PANELS + below
    figure = Figure(figsize=(_WIDTH, height))
    FigureCanvasAgg(figure)  # which ties itself to the figure
    grid = figure.add_gridspec(
        2,
        1,
        left=_LEFT / _WIDTH,
        right=1 - _RIGHT / _WIDTH,
        bottom=below / height,
        top=1 - _ABOVE / height,
        hspace=0.1,
    )
    upper, lower = grid.subplots(sharex=True, squeeze=False)[:, 0]
    _draw_loss(upper, points)
    _draw_flips(lower, points)
    for panel in (upper, lower):
        _mark_phases(panel, points)
        panel.grid(color=GRID, linewidth=0.7)
    epochs = counted(points[-1].epoch, "epoch")
    figure.text(0.025, 1 - 0.3 / height, title, size=14, weight="bold", parse_math=False)
    figure.text(0.025, 1 - 0.54 / height, f"{epochs}, last loss {points[-1].loss:.4g}", color=QUIET)
    color = QUIET if sentences == [_HEALTHY] else CANDIDATE
    for row, line in enumerate(reversed(notes)):
        place = (0.12 + _NOTE_LINE * row) / height
        figure.text(0.025, place, line, size=8.5, color=color, parse_math=False)
    return figure


def _draw_loss(panel: "Axes", points: Sequence[CurvePoint]) -> None:
    epochs = [point.epoch for point in points]
    panel.plot(epochs, [point.loss for point in points], **_line(FRONT, points))
    panel.set_ylabel("training loss")
    panel.set_ylim(bottom=0)


def _draw_flips(panel: "Axes", points: Sequence[CurvePoint]) -> None:
    """Sign flips of the whole network over those of each layer."""
    from matplotlib.ticker import MaxNLocator

    names = {layer.layer for point in points for layer in point.layers if layer.flips is not None}
    for name in sorted(names):
        seen = [(p.epoch, 100 * f) for p in points if (f := _flips(p, name)) is not None]
        panel.plot(*zip(*seen, strict=True), color=OTHER, linewidth=0.7)
    whole = [(point.epoch, 100 * point.flips) for point in points if point.flips is not None]
    if whole:
        panel.plot(*zip(*whole, strict=True), label="all layers", **_line(FRONT, points))
        panel.plot([], [], color=OTHER, linewidth=0.7, label="one layer")
        panel.legend(loc="upper right", frameon=False, fontsize=9)
        panel.set_ylim(bottom=0)
    else:
        centred: dict[str, Any] = {"ha": "center", "va": "center", "transform": panel.transAxes}
        panel.text(0.5, 0.5, "no binary weights were measured", color=QUIET, **centred)
    panel.set_ylabel("signs changed in the epoch (%)")
    panel.set_xlabel("epoch")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def _flips(point: CurvePoint, name: str) -> float | None:
    return next((layer.flips for layer in point.layers if layer.layer == name), None)


def _mark_phases(panel: "Axes", points: Sequence[CurvePoint]) -> None:
    """A line in front of every phase but the first, with its name."""
    phases = [(phase, next(group)) for phase, group in groupby(points, key=lambda p: p.phase)]
    for phase, first in phases[1:]:
        panel.axvline(first.epoch - 0.5, color=QUIET, linewidth=1, linestyle=":")
        where: dict[str, Any] = {"transform": panel.get_xaxis_transform(), "va": "top"}
        panel.text(first.epoch - 0.4, 0.98, phase, color=QUIET, size=8.5, parse_math=False, **where)


def _line(color: str, points: Sequence[CurvePoint]) -> dict[str, Any]:
    """A single epoch has no line, and many have no room for points."""
    return {"color": color, "linewidth": 1.6, "marker": "o" if len(points) <= 30 else None}
