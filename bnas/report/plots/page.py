"""The page of a front: the interactive chart and the front as a table, in one offline file."""

import json
from collections.abc import Sequence
from dataclasses import fields
from html import escape
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

from bnas.cost import Totals
from bnas.report.choices import CLOSED, differing, joined, shared
from bnas.report.formatting import exact, label, percent
from bnas.report.plots.axes import ENOUGH_TICKS
from bnas.report.plots.chart import figure
from bnas.report.plots.scene import NO_FRONT, Mark, Scene
from bnas.search.trials import TrialRecord

_TOTALS: Final = tuple(field.name for field in fields(Totals))


class _Column(NamedTuple):
    """A column of the table: its title, and for each row what sorts it and what is shown."""

    title: str
    is_number: bool
    cells: tuple[tuple[str, str], ...]


def page(scene: Scene) -> str:
    """The HTML text; nothing in it is fetched from anywhere."""
    from plotly.offline import get_plotlyjs

    template = Template(files("bnas.report.plots").joinpath("front_page.html").read_text("utf-8"))
    has_front = bool(scene.front)
    return template.substitute(
        title=escape(scene.title),
        subtitle=escape(scene.subtitle),
        chart='<div id="chart"></div>' if has_front else f'<p class="empty">{NO_FRONT}</p>',
        notes=escape(" ".join(scene.notes)),
        table=_table(scene) if has_front else "",
        library=get_plotlyjs() if has_front else "",
        enough_ticks=ENOUGH_TICKS,
        figure=_in_script(figure(scene) if has_front else {}),
    )


def _in_script(value: object) -> str:
    """JSON that cannot end the script element which it stands in."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")


def _table(scene: Scene) -> str:
    front, columns = scene.front, _columns(scene)
    headers = "".join(_header(column) for column in columns)
    rows = "\n".join(
        f'<tr data-number="{mark.number}">{"".join(_cell(c, row) for c in columns)}</tr>'
        for row, mark in enumerate(front)
    )
    common = shared([mark.record for mark in front])
    sentence = ", ".join(f"{name} <b>{escape(text)}</b>" for name, text in common.items())
    who = "All designs on the front have" if len(front) > 1 else "The design has"
    legend = (
        f'<p class="quiet">{who} {sentence}. Stages are separated by slashes; a dash stands '
        "for a choice that is not open.</p>"
    )
    return (
        f"<h2>The front</h2>\n"
        f'<div class="wide"><table>\n<thead><tr>{headers}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n"
        f"{legend if common else ''}"
    )


def _header(column: _Column) -> str:
    kind = "number" if column.is_number else "text"
    return (
        f'<th scope="col" class="{kind}" data-type="{kind}">'
        f'<button type="button">{escape(column.title)}</button></th>'
    )


def _cell(column: _Column, row: int) -> str:
    value, shown = column.cells[row]
    kind = ' class="number"' if column.is_number else ""
    return f'<td{kind} data-value="{escape(value)}">{shown}</td>'


def _columns(scene: Scene) -> list[_Column]:
    """Number and name, objectives, choices that differ, and all the rest."""
    records = [mark.record for mark in scene.front]
    choices = [joined(record.choices) for record in records]
    epochs = [record.evaluation.epochs if record.evaluation else 0 for record in records]
    others = [name for name in _TOTALS if name not in scene.costs]
    return [
        _numbers("#", [(mark.number or 0, str(mark.number)) for mark in scene.front]),
        _Column("design", is_number=False, cells=tuple(_design(mark) for mark in scene.front)),
        _numbers("accuracy %", [(m.percent, percent(m.percent / 100)) for m in scene.front]),
        *_intervals(scene.front),
        *(_total(name, records) for name in scene.costs),
        *(_texts(name, [row.get(name, CLOSED) for row in choices]) for name in differing(records)),
        *(_total(name, records) for name in others),
        _numbers("epochs", [(number, str(number)) for number in epochs]),
    ]


def _intervals(front: Sequence[Mark]) -> list[_Column]:
    """The intervals of means over seeds, sorted by their lower end, if there are any."""
    if not any(mark.interval for mark in front):
        return []
    cells = [
        (m.interval[0], " to ".join(percent(end / 100) for end in m.interval))
        if m.interval
        else (-1.0, CLOSED)
        for m in front
    ]
    return [_numbers("95 % interval", cells)]


def _total(name: str, records: Sequence[TrialRecord]) -> _Column:
    values = [record.costs.value(name) for record in records]
    return _numbers(label(name), [(value, exact(value)) for value in values])


def _design(mark: Mark) -> tuple[str, str]:
    name = f'<span class="candidate">{escape(mark.name)}</span>' if mark.name else ""
    return mark.record.digest, f"<code>{escape(mark.record.digest)}</code>{name}"


def _numbers(title: str, cells: Sequence[tuple[float, str]]) -> _Column:
    return _Column(title, is_number=True, cells=tuple((f"{v:.17g}", text) for v, text in cells))


def _texts(title: str, cells: Sequence[str]) -> _Column:
    return _Column(title, is_number=False, cells=tuple((text, escape(text)) for text in cells))
