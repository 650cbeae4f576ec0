"""The interactive chart of a front, as the data that plotly.js draws."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from bnas.cost.ledger import COSTS, Cost
from bnas.report.choices import joined
from bnas.report.formatting import exact, label
from bnas.report.plots.captions import Caption, Surface, captions
from bnas.report.plots.chart_layout import axis_name, layout, ticks
from bnas.report.plots.labels import Box
from bnas.report.plots.palette import CANDIDATE, FRONT, OTHER
from bnas.report.plots.scene import Mark, Scene

_BUTTONS: Final = [["toImage"], ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]]
_ACROSS: Final = {-1: "left", 0: "center", 1: "right"}
_UP: Final = {-1: "bottom", 0: "middle", 1: "top"}
_SIDES: Final = {(x, y): f"{_UP[y]} {_ACROSS[x]}" for x in _ACROSS for y in _UP}
_TEXT_PX: Final = 13
_CHOICES_PER_LINE: Final = 3


def figure(scene: Scene) -> dict[str, Any]:
    """Traces, layout and settings of the chart, as JSON values; a panel for each cost.

    Points carry their number on the front as `customdata`, 0 off it. `ticks` holds, for each cost
    axis, ever more labelled ticks, from which the page takes as many as the zoom has room for.
    """
    panels = list(enumerate(scene.costs, start=1))
    return {
        "data": [trace for panel, cost in panels for trace in _panel(scene, cost, panel)],
        "layout": layout(scene),
        "config": {"displaylogo": False, "responsive": True, "modeBarButtons": _BUTTONS},
        "ticks": {axis_name("xaxis", panel): ticks(scene, cost) for panel, cost in panels},
    }


def _panel(scene: Scene, cost: Cost, panel: int) -> list[dict[str, Any]]:
    unnamed = [mark for mark in scene.front if mark.name is None]
    return [
        _line(scene, cost, panel),
        _trace(scene.words.others, scene.others, cost, panel, rank=2, color=OTHER, size=7),
        _trace(scene.words.named, scene.candidates, cost, panel, rank=1, color=CANDIDATE, size=11),
        _trace("front", unnamed, cost, panel, rank=0, color=FRONT, size=10),
        _captions(scene, cost, panel),
    ]


def _line(scene: Scene, cost: Cost, panel: int) -> dict[str, Any]:
    corners = scene.steps(cost)
    end = (scene.cost_range(cost)[1], corners[-1][1])
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for x, _ in (*corners, end)],
        "y": [y for _, y in (*corners, end)],
        "line": {"shape": "hv", "color": FRONT, "width": 2},
        "hoverinfo": "skip",
        "showlegend": False,
        "xaxis": axis_name("x", panel),
    }


def _trace(
    name: str,
    marks: Sequence[Mark],
    cost: Cost,
    panel: int,
    *,
    rank: int,
    color: str,
    size: int,
) -> dict[str, Any]:
    rims = [FRONT if mark.number and mark.name else "white" for mark in marks]
    return {
        "type": "scatter",
        "name": name,
        "mode": "markers",
        "x": [mark.cost(cost) for mark in marks],
        "y": [mark.percent for mark in marks],
        **_error_bars(marks, color),
        "customdata": [mark.number or 0 for mark in marks],
        "hovertext": [_hover(mark) for mark in marks],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "color": color,
            "size": size,
            "symbol": "diamond" if color == CANDIDATE else "circle",
            "line": {"color": rims, "width": [2 if rim == FRONT else 1 for rim in rims]},
        },
        "legendgroup": name,
        "legendrank": rank,
        "showlegend": panel == 1 and bool(marks),
        "xaxis": axis_name("x", panel),
    }


def _error_bars(marks: Sequence[Mark], color: str) -> dict[str, Any]:
    """The intervals of means over seeds, if there are any."""
    if not any(mark.interval for mark in marks):
        return {}
    ends = [mark.interval or (mark.percent, mark.percent) for mark in marks]
    above = [high - mark.percent for mark, (_, high) in zip(marks, ends, strict=True)]
    below = [mark.percent - low for mark, (low, _) in zip(marks, ends, strict=True)]
    bars = {"type": "data", "array": above, "arrayminus": below, "color": color, "thickness": 1}
    return {"error_y": bars}


def _captions(scene: Scene, cost: Cost, panel: int) -> dict[str, Any]:
    """Numbers and names, in places that fit the chart before it is zoomed."""
    found = captions(scene, cost, _surface(scene, cost), distances=(1.0,))
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [caption.mark.cost(cost) for caption in found],
        "y": [caption.mark.percent for caption in found],
        "text": [_caption_text(caption) for caption in found],
        "textposition": [_SIDES[caption.place.side] for caption in found],
        "textfont": {
            "size": _TEXT_PX,
            "color": [CANDIDATE if caption.is_name else FRONT for caption in found],
        },
        # Nothing to see: texts keep their distance from a marker.
        "marker": {"size": 9, "opacity": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "xaxis": axis_name("x", panel),
    }


def _caption_text(caption: Caption) -> str:
    return escape(caption.text) if caption.is_name else f"<b>{caption.text}</b>"


def _surface(scene: Scene, cost: Cost) -> Surface:
    """About what a panel measures in a window of usual size."""
    width, height = 1050 / len(scene.costs), 420.0
    low, high = (math.log10(end) for end in scene.cost_range(cost))
    worst, best = scene.percent_range()

    def pixels(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low) / (high - low)
        return width * across, height * (y - worst) / (best - worst)

    return Surface(
        box=Box(0, 0, width, height),
        point=96 / 72,
        pixels=pixels,
        size=_size,
    )


def _size(text: str, *, is_name: bool) -> tuple[float, float]:
    width = 0.58 if is_name else 0.65  # of a letter in the usual fonts; numbers are bold
    return width * _TEXT_PX * len(text), 1.2 * _TEXT_PX


def _hover(mark: Mark) -> str:
    """Digest, objectives, costs and choices; plotly reads a little HTML."""
    record = mark.record
    name = f" ({escape(mark.name)})" if mark.name else ""
    costs = " · ".join(f"{label(c)} {exact(record.costs.value(c))}" for c in COSTS)
    choices = [f"{escape(n)} <b>{escape(text)}</b>" for n, text in joined(record.choices).items()]
    lines = [
        " · ".join(choices[start : start + _CHOICES_PER_LINE])
        for start in range(0, len(choices), _CHOICES_PER_LINE)
    ]
    head = f"<b>{escape(record.digest)}</b>{name} · trial {record.number}"
    interval = mark.interval
    spread = "" if interval is None else f", 95 % interval {interval[0]:.2f} to {interval[1]:.2f}"
    return "<br>".join([head, f"<b>{mark.percent:.2f} %</b>{spread}", costs, *lines])
