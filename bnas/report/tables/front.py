"""The front of a run as a table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bnas.report.choices import CLOSED, differing, joined, shared
from bnas.report.formatting import exact, label, percent
from bnas.report.tables.output import UNLIMITED, quiet, table
from bnas.search.objectives import ACCURACY, ObjectiveName

if TYPE_CHECKING:
    from bnas.search.trials import TrialRecord

_CHOICES = "choices that differ"
# In a narrower column the choices of one design would take many lines.
_ROOM_FOR_CHOICES = 80


def front_table(
    front: Sequence["TrialRecord"], objectives: Sequence[ObjectiveName]
) -> RenderableType:
    """The designs of a front in the order in which the plots number them.

    Args:
        front: Finished trials, cheapest first.
        objectives: What was optimised.
    """
    if not front:
        return Text("No trial has finished yet: there is no front to show.")
    return _Front(front, objectives)


class _Front:
    """The table, with the choices where the terminal has room for them."""

    def __init__(self, front: Sequence["TrialRecord"], objectives: Sequence[ObjectiveName]) -> None:
        self._front = front
        self._objectives = objectives

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = differing(self._front)
        common = _listed(shared(self._front))
        narrow = self._table(())
        taken = Measurement.get(console, options.update(max_width=UNLIMITED), narrow).maximum
        if names and options.max_width - taken < _ROOM_FOR_CHOICES:
            yield narrow
            yield quiet("`bnas show RUN/DIGEST`, or a wider terminal, shows the choices.")
            return
        yield self._table(names)
        if common:
            yield Text().append("In common: ", style="dim").append_text(common)

    def _table(self, choices: Sequence[str]) -> Table:
        numbers = [_title(name) for name in self._objectives]
        titles = ["#", "design", *numbers, *([_CHOICES] if choices else [])]
        rows = table(*titles, numbers=["#", *numbers], wrap=[_CHOICES])
        for number, record in enumerate(self._front, start=1):
            values = record.objectives(self._objectives)
            made = joined(record.choices)
            rows.add_row(
                str(number),
                _design(record),
                *(_value(name, values[name]) for name in self._objectives),
                *([_listed({n: made[n] for n in choices if n in made})] if choices else []),
            )
        return rows


def _title(name: ObjectiveName) -> str:
    return "accuracy %" if name == ACCURACY else label(name)


def _value(name: ObjectiveName, value: float) -> str:
    return percent(value) if name == ACCURACY else exact(value)


def _design(record: "TrialRecord") -> Text:
    text = Text(record.digest)
    return text if record.candidate is None else text.append(f" {record.candidate}", style="yellow")


def _listed(choices: Mapping[str, str]) -> Text:
    """Choices in one text, their names less visible than what was chosen."""
    text = Text()
    for name, option in choices.items():
        if option == CLOSED:
            continue
        text.append(", " if text else "").append(f"{name} ", style="dim").append(option)
    return text
