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
    from bnas.runs.repeats import Estimate
    from bnas.search.trials import TrialRecord

_CHOICES = "choices that differ"
_INTERVAL, _SEEDS = "95 % interval", "seeds"
# In a narrower column the choices of one design would take many lines.
_ROOM_FOR_CHOICES = 80


def front_table(
    front: Sequence["TrialRecord"],
    objectives: Sequence[ObjectiveName],
    estimates: Mapping[str, "Estimate"] | None = None,
) -> RenderableType:
    """The designs of a front in the order in which the plots number them.

    Args:
        front: Finished trials, cheapest first.
        objectives: What was optimised.
        estimates: What is known of repeated designs, by digest; their accuracy is a mean.
    """
    if not front:
        return Text("No trial has finished better than guessing yet: there is no front to show.")
    return _Front(front, objectives, estimates or {})


class _Front:
    """The table, with the choices where the terminal has room for them."""

    def __init__(
        self,
        front: Sequence["TrialRecord"],
        objectives: Sequence[ObjectiveName],
        estimates: Mapping[str, "Estimate"],
    ) -> None:
        self._front = front
        self._objectives = objectives
        self._estimates = estimates
        self._repeated = [estimates.get(record.digest) for record in front]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = differing(self._front)
        common = _listed(shared(self._front))
        narrow = self._table(())
        taken = Measurement.get(console, options.update(max_width=UNLIMITED), narrow).maximum
        if names and options.max_width - taken < _ROOM_FOR_CHOICES:
            yield narrow
            yield quiet("`bnas show RUN/DIGEST`, or a wider terminal, shows the choices.")
        else:
            yield self._table(names)
            if common:
                yield Text().append("In common: ", style="dim").append_text(common)
        yield quiet(self._caution())

    def _caution(self) -> str:
        if not any(self._repeated):
            return (
                "One seed for each design: the order of close ones may be luck, which "
                "`bnas repeat RUN --front --seeds 3` tells."
            )
        single = sum(estimate is None for estimate in self._repeated)
        rest = f" Still of a single seed: {single}." if single else ""
        return f"Accuracies are means over new seeds with the 95 % t-interval of the mean.{rest}"

    def _table(self, choices: Sequence[str]) -> Table:
        numbers = [_title(name) for name in self._objectives]
        spread = [_INTERVAL, _SEEDS] if any(self._repeated) else []
        titles = ["#", "design", *numbers, *spread, *([_CHOICES] if choices else [])]
        rows = table(*titles, numbers=["#", *numbers, *spread], wrap=[_CHOICES])
        for number, record in enumerate(self._front, start=1):
            values = record.objectives(self._objectives)
            made = joined(record.choices)
            rows.add_row(
                str(number),
                _design(record),
                *(_value(name, values[name]) for name in self._objectives),
                *(_spread(self._estimates.get(record.digest)) if spread else ()),
                *([_listed({n: made[n] for n in choices if n in made})] if choices else []),
            )
        return rows


def _spread(estimate: "Estimate | None") -> tuple[str, str]:
    """Interval in percent, and how many seeds it is of."""
    if estimate is None:
        return CLOSED, "1"
    interval = estimate.interval
    text = CLOSED if interval is None else " to ".join(percent(end) for end in interval)
    return text, str(len(estimate.seeds))


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
