"""Draws what proxies are worth: rank correlation against seconds for a design."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bnas.report.plots.labels import BELOW_RIGHT_FIRST, Box, Label, Obstacle, place
from bnas.report.plots.palette import BOUND, CANDIDATE, FRONT, GRID, OTHER, QUIET
from bnas.report.plots.style import DPI, drawn
from bnas.runs.files import write_bytes, writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bnas.runs.fidelity.report import Proxy, Report, Truth

_SIZE: Final = (8.0, 5.0)
# An exact cost is known in microseconds, which would leave the rest no room.
_SHORTEST_S: Final = 1e-3
_ROOM: Final = 0.2
_RADIUS_PT: Final = 3.5
_GAP_PT: Final = 5.0
_STYLES: Final[dict[str, dict[str, Any]]] = {
    "training": {"color": FRONT, "marker": "o", "markersize": 6},
    "prefix": {"color": QUIET, "marker": "o", "markersize": 4},
    "score": {"color": CANDIDATE, "marker": "D", "markersize": 6},
    "baseline": {"color": OTHER, "marker": "s", "markersize": 6},
}
_SHADES: Final = (FRONT, "#CC79A7", "#56B4E9", "#E69F00", "#009E73")
_LABELS: Final = {
    "prefix": "first epochs of the long training",
    "score": "zero-cost scores",
    "baseline": "exact costs",
}


def write_fidelity_plots(folder: Path, report: "Report") -> tuple[Path, ...]:
    """Writes `fidelity.png` and `fidelity.svg`; nothing while nothing is known.

    Args:
        folder: Where to write; made if missing.
        report: What was found.

    Raises:
        RunError: The disk is full or the folder cannot be written.
    """
    truth = report.truth
    if truth is None or not report.proxies:
        return ()
    contents = drawn(lambda: _figure(report, truth), title=report.title)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, content in contents.items():
        paths.append(folder / f"fidelity.{kind}")
        write_bytes(paths[-1], content)
    return tuple(paths)


def _figure(report: "Report", truth: "Truth") -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=DPI)
    FigureCanvasAgg(figure)  # which ties itself to the figure
    panel: Axes = figure.add_axes((0.095, 0.13, 0.88, 0.69))
    panel.set_xscale("log")
    panel.set_xlabel("seconds for a design (log scale)")
    panel.set_ylabel("Spearman correlation with the long training")
    panel.grid(color=GRID, linewidth=0.7)
    _draw_levels(panel, report, truth)
    _draw_trainings(panel, [p for p in report.proxies if p.kind == "training"])
    for kind in ("prefix", "score", "baseline"):
        _draw(panel, [p for p in report.proxies if p.kind == kind], _LABELS[kind])
    values = [p.spearman.value for p in report.proxies if p.spearman.value is not None]
    # Wide intervals run out of the picture rather than take its room.
    panel.set_ylim(min([report.wanted, *values]) - _ROOM, 1 + _ROOM / 4)
    _write_names(panel, report.proxies)
    figure.text(0.025, 0.945, "What ranks designs as a long training does", size=14, weight="bold")
    figure.text(0.025, 0.905, report.title, color=QUIET, parse_math=False)
    figure.legend(
        *panel.get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(0.02, 0.9),
        ncols=4,
        frameon=False,
        fontsize=8.5,
        columnspacing=1.2,
        handletextpad=0.4,
    )
    return figure


def _draw_levels(panel: "Axes", report: "Report", truth: "Truth") -> None:
    """What is asked for, and what one long training of another seed reaches."""
    panel.axhline(
        report.wanted,
        color=BOUND,
        linewidth=1.2,
        linestyle=(0, (4, 3)),
        label=f"asked for: {report.wanted:g}",
    )
    if truth.ceiling is not None and truth.ceiling.value is not None:
        label = "two long trainings with each other"
        panel.axhline(truth.ceiling.value, color=QUIET, linewidth=1, linestyle=":", label=label)


def _draw_trainings(panel: "Axes", proxies: Sequence["Proxy"]) -> None:
    """A line for each training, through its epochs."""
    for number, (name, group) in enumerate(groupby(proxies, key=lambda proxy: proxy.name)):
        _draw(panel, list(group), name, color=_SHADES[number % len(_SHADES)])


def _draw(panel: "Axes", proxies: Sequence["Proxy"], label: str, **changes: Any) -> None:
    """Points with their intervals; those that are trained are joined."""
    known = [proxy for proxy in proxies if proxy.spearman.value is not None]
    if not known:
        return
    style = {**_STYLES[known[0].kind], **changes}
    xs = [max(proxy.seconds, _SHORTEST_S) for proxy in known]
    ys = [proxy.spearman.value or 0.0 for proxy in known]
    panel.vlines(xs, *_ends(known), color=style["color"], linewidth=1, alpha=0.6)
    style["linestyle"] = "-" if known[0].epoch is not None else "none"
    panel.plot(xs, ys, label=label, linewidth=1.2, markeredgecolor="white", **style)


def _write_names(panel: "Axes", proxies: Sequence["Proxy"]) -> None:
    """The name of each point that no line tells apart, where it covers no other."""
    known = [p for p in proxies if p.spearman.value is not None and p.epoch is None]
    values = [(max(p.seconds, _SHORTEST_S), p.spearman.value or 0.0) for p in known]
    points = [panel.transData.transform(value) for value in values]
    point = panel.figure.dpi / 72
    radius = _RADIUS_PT * point
    extent = panel.get_window_extent()
    texts = [
        panel.text(
            0, 0, p.name, size=8, color=_STYLES[p.kind]["color"], transform=None, va="bottom"
        )
        for p in known
    ]
    sizes = [text.get_window_extent() for text in texts]
    places = place(
        [
            Label(x, y, size.width, size.height, BELOW_RIGHT_FIRST)
            for (x, y), size in zip(points, sizes, strict=True)
        ],
        obstacles=[
            Obstacle(Box(x - radius, y - radius, x + radius, y + radius), 3.0) for x, y in points
        ],
        inside=Box(extent.x0, extent.y0, extent.x1, extent.y1),
        gap=_GAP_PT * point,
    )
    for text, where in zip(texts, places, strict=True):
        x, y = panel.transData.inverted().transform(where.box[:2])
        text.set_position((x, y))
        text.set_transform(panel.transData)


def _ends(proxies: Iterable["Proxy"]) -> tuple[list[float], list[float]]:
    """Lower and upper ends of the intervals; the value itself where there is none."""
    low, high = [], []
    for proxy in proxies:
        value = proxy.spearman.value or 0.0
        low.append(value if proxy.spearman.low is None else proxy.spearman.low)
        high.append(value if proxy.spearman.high is None else proxy.spearman.high)
    return low, high
