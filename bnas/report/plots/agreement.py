"""Proxy scores against final accuracies of the same designs, with how far their orders agree."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from bnas.report.formatting import counted
from bnas.report.plots.axes import at_least
from bnas.report.plots.palette import CANDIDATE, FRONT, GRID, QUIET
from bnas.report.plots.style import drawn
from bnas.runs.fidelity.correlation import Correlation
from bnas.runs.retraining.result import Retrained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE: Final = (6.0, 5.4)
_LEAST_PERCENT: Final = 1.0


def draw_agreement(
    designs: Sequence[Retrained], agreement: Correlation, *, title: str, proxy: str
) -> dict[str, bytes]:
    """The picture as the content of a .png and of a .svg file; none without a pair of scores.

    Args:
        designs: Retrained designs in the order of their table; those with both scores are drawn.
        agreement: Kendall's tau of the two.
        title: Name of the retraining.
        proxy: What the proxy scores are of.
    """
    points = [
        (number, one)
        for number, one in enumerate(designs, start=1)
        if one.entry.proxy is not None and one.estimate is not None
    ]
    if not points:
        return {}
    return drawn(lambda: _figure(points, agreement, title, proxy), title=title)


def agreement_text(found: Correlation) -> str:
    """Kendall's tau with its interval, in words."""
    designs = counted(found.n, "design")
    if found.value is None:
        return f"Kendall's tau is not defined for {designs}"
    if found.low is None or found.high is None:
        return f"Kendall's tau {found.value:.2f}, of {designs}, which leave no interval"
    return (
        f"Kendall's tau {found.value:.2f} (95 % bootstrap interval {found.low:.2f} to "
        f"{found.high:.2f}), {designs}"
    )


def _figure(
    points: Sequence[tuple[int, Retrained]], agreement: Correlation, title: str, proxy: str
) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)  # which ties itself to the figure
    panel = figure.add_subplot()
    panel.set_title(title, loc="left", weight="bold", parse_math=False, pad=22)
    where: dict[str, Any] = {"transform": panel.transAxes, "color": QUIET}
    panel.text(0, 1.02, agreement_text(agreement), **where)
    panel.set_xlabel(f"proxy: {proxy} (%)", parse_math=False)
    panel.set_ylabel("test accuracy after retraining (%)")
    panel.grid(color=GRID, linewidth=0.7)
    _draw(panel, points)
    return figure


def _draw(panel: "Axes", points: Sequence[tuple[int, Retrained]]) -> None:
    """Points with their numbers in the table and the intervals over seeds."""
    for number, one in points:
        # Both are there: the caller has left out the others.
        x, mean = 100 * (one.entry.proxy or 0.0), 100 * (one.estimate.mean if one.estimate else 0)
        color = CANDIDATE if one.entry.published else FRONT
        if one.estimate is not None and one.estimate.interval is not None:
            low, high = one.estimate.interval
            panel.vlines(x, 100 * low, 100 * high, color=color, linewidth=1)
        panel.scatter([x], [mean], color=color, marker="D" if one.entry.published else "o", s=40)
        beside: dict[str, Any] = {"textcoords": "offset points", "xytext": (6, 5)}
        panel.annotate(str(number), (x, mean), color=color, size=9, **beside)
    panel.set_xlim(at_least(*panel.get_xlim(), _LEAST_PERCENT))
    panel.set_ylim(at_least(*panel.get_ylim(), _LEAST_PERCENT))
