"""One panel of a front's picture: its axes, points and lines, drawn with matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from bnas.cost.ledger import Cost
from bnas.report.formatting import counted, short_cost
from bnas.report.plots.annotations import annotate
from bnas.report.plots.axes import axis_title, bound_text, cost_ticks
from bnas.report.plots.palette import BOUND, CANDIDATE, FRONT, GRID, OTHER, QUIET
from bnas.report.plots.scene import Mark, Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS: Final[dict[str, dict[str, Any]]] = {
    "front": {"marker": "o", "s": 42, "color": FRONT, "zorder": 5},
    "named": {"marker": "D", "s": 36, "color": CANDIDATE, "zorder": 4},
    "others": {"marker": "o", "s": 20, "color": OTHER, "zorder": 3},
}


def draw_panel(panel: "Axes", scene: Scene, cost: Cost) -> None:
    """Draws accuracy against one cost.

    Args:
        panel: Axes in their place in the figure.
        scene: What to show, with a front.
        cost: The horizontal axis.
    """
    _set_axes(panel, scene, cost)
    low = panel.get_ylim()[0]
    _draw_front_line(panel, scene, cost)
    words = scene.words
    _scatter(panel, [m for m in scene.front if m.name is None], cost, "front", None)
    _scatter(panel, scene.candidates, cost, "named", words.named)
    shown = [m for m in scene.others if m.percent >= low]
    _scatter(panel, shown, cost, "others", words.others)
    _mark_hidden(panel, [m for m in scene.marks if m.percent < low], cost)
    _draw_limits(panel, scene, cost)
    annotate(panel, scene, cost)


def _set_axes(panel: "Axes", scene: Scene, cost: Cost) -> None:
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    low, high = scene.cost_range(cost)
    ticks = cost_ticks(low, high)
    panel.set_xscale("log")
    panel.set_xlim(low, high)
    panel.xaxis.set_major_locator(FixedLocator(ticks))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticklabels([short_cost(cost, tick) for tick in ticks])
    panel.set_xlabel(axis_title(cost))
    worst, best = scene.percent_range()
    panel.set_ylim(worst, best)
    percents = MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]).tick_values(worst, min(best, 100.0))
    panel.yaxis.set_major_locator(FixedLocator([p for p in percents if worst <= p <= 100]))
    panel.grid(color=GRID, linewidth=0.7)


def _draw_front_line(panel: "Axes", scene: Scene, cost: Cost) -> None:
    """What is reached at each cost: up at every better design, and on to the right."""
    corners = scene.steps(cost)
    xs = [x for x, _ in corners] + [panel.get_xlim()[1]]
    ys = [y for _, y in corners] + [corners[-1][1]]
    floor = panel.get_ylim()[0]
    panel.fill_between(xs, ys, floor, step="post", color=FRONT, alpha=0.06, linewidth=0)
    line: dict[str, Any] = {"color": FRONT, "linewidth": 1.6}
    panel.step(xs, ys, where="post", zorder=2.5, **line)
    panel.plot([], [], marker="o", markersize=6, label="front", **line)


def _draw_limits(panel: "Axes", scene: Scene, cost: Cost) -> None:
    """The bounds on the cost, and the accuracy of guessing, where they lie in the picture."""
    for limit in scene.limits(cost):
        label = f"bound: {bound_text(cost, scene.bounds[cost])}"
        panel.axvline(limit, color=BOUND, linewidth=1.2, linestyle=(0, (4, 3)), label=label)
    low, high = panel.get_ylim()
    if scene.chance is not None and low < scene.chance < high:
        panel.axhline(scene.chance, color=QUIET, linewidth=1, linestyle=":", label="chance")


def _scatter(
    panel: "Axes", marks: Sequence[Mark], cost: Cost, role: str, label: str | None
) -> None:
    """Points with their intervals; a rim is white, or of the front for candidates on it."""
    if not marks:
        return
    style = _MARKERS[role]
    for mark in marks:
        if mark.interval is not None:
            color = style["color"]
            panel.vlines(mark.cost(cost), *mark.interval, color=color, linewidth=1, zorder=2.7)
    for on_front in (False, True):
        chosen = [m for m in marks if (m.number is not None and m.name is not None) == on_front]
        xs, ys = [m.cost(cost) for m in chosen], [m.percent for m in chosen]
        rim, width = (FRONT, 1.3) if on_front else ("white", 0.7)
        panel.scatter(xs, ys, edgecolors=rim, linewidths=width, **style)
    if label is not None:  # the line of the front has the entry in the legend
        panel.scatter([], [], edgecolors="white", linewidths=0.7, label=label, **style)


def _mark_hidden(panel: "Axes", hidden: Sequence[Mark], cost: Cost) -> None:
    """Trials far below, as triangles that point out of the picture."""
    if not hidden:
        return
    low, high = panel.get_ylim()
    xs = [mark.cost(cost) for mark in hidden]
    ys = [low + 0.018 * (high - low)] * len(hidden)
    label = f"{counted(len(hidden), 'trial')} below {low:.0f} %"
    panel.scatter(xs, ys, marker="v", s=20, color=OTHER, linewidths=0, label=label, zorder=3)
