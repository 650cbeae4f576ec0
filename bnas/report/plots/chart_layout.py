"""The layout of the interactive chart: axes, ticks, bounds and legend."""

import math
from typing import Any, Final

from bnas.cost.ledger import Cost
from bnas.report.formatting import short_cost
from bnas.report.plots.axes import axis_title, bound_text, tick_levels
from bnas.report.plots.palette import BOUND, GRID, INK, QUIET
from bnas.report.plots.scene import Scene

_FONT: Final = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"


def layout(scene: Scene) -> dict[str, Any]:
    """Axes side by side with one scale of accuracy, bounds, fonts and legend."""
    width = 1 / len(scene.costs)
    axes = {
        axis_name("xaxis", panel): _cost_axis(scene, cost, (panel - 1) * width, panel * width)
        for panel, cost in enumerate(scene.costs, start=1)
    }
    low, high = scene.percent_range()
    return {
        **axes,
        "yaxis": {
            **_axis_style(),
            "title": {"text": f"{scene.words.accuracy} (%)"},
            "range": [low, high],
        },
        "shapes": _limits(scene),
        "font": {"family": _FONT, "size": 14, "color": INK},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 70, "r": 20, "t": 50, "b": 60},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "white", "align": "left", "font": {"size": 12, "color": INK}},
    }


def _axis_style() -> dict[str, Any]:
    return {"gridcolor": GRID, "linecolor": QUIET, "showline": True, "zeroline": False}


def _cost_axis(scene: Scene, cost: Cost, left: float, right: float) -> dict[str, Any]:
    low, high = scene.cost_range(cost)
    gap = 0.02 if right - left < 1 else 0.0
    return {
        **_axis_style(),
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickformat": "~s",
        "title": {"text": axis_title(cost)},
        "domain": [left + gap, right - gap],
    }


def ticks(scene: Scene, cost: Cost) -> list[dict[str, Any]]:
    """Ever more labelled ticks of a cost axis, a decade beyond the picture at both ends."""
    low, high = scene.cost_range(cost)
    return [
        {"tickvals": level, "ticktext": [short_cost(cost, tick) for tick in level]}
        for level in tick_levels(low / 10, high * 10)
    ]


def _limits(scene: Scene) -> list[dict[str, Any]]:
    """The bounds as lines, and the accuracy of guessing."""
    shapes: list[dict[str, Any]] = []
    for panel, cost in enumerate(scene.costs, start=1):
        for index, limit in enumerate(scene.limits(cost)):
            ends = {"x0": limit, "x1": limit, "y0": 0, "y1": 1}
            refs = {"xref": axis_name("x", panel), "yref": "paper"}
            line = {"color": BOUND, "width": 1.5, "dash": "dash"}
            name = f"bound: {bound_text(cost, scene.bounds[cost])}"
            shapes.append(_shape(name, line) | ends | refs | {"showlegend": index == 0})
    low, high = scene.percent_range()
    if scene.chance is not None and low < scene.chance < high:
        ends = {"x0": 0, "x1": 1, "y0": scene.chance, "y1": scene.chance}
        line = {"color": QUIET, "width": 1, "dash": "dot"}
        shapes.append(_shape("chance", line) | ends | {"xref": "paper", "yref": "y"})
    return shapes


def _shape(name: str, line: dict[str, Any]) -> dict[str, Any]:
    return {"type": "line", "name": name, "line": line, "layer": "between", "showlegend": True}


def axis_name(name: str, panel: int) -> str:
    """How plotly calls the axis of a panel: x, x2."""
    return name if panel == 1 else f"{name}{panel}"
