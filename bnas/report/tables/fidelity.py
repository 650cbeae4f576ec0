"""What proxies are worth, as a table."""

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bnas.report.formatting import counted, percent
from bnas.report.tables.output import facts, quiet, table

if TYPE_CHECKING:
    from bnas.runs.fidelity.correlation import Correlation
    from bnas.runs.fidelity.report import Proxy, Report, Truth

_NUMBERS = ("s a design", "of long", "Spearman", "Kendall", "at equal OPs", "learners", "by loss")
_NOTE = (
    "Correlations with the mean of the long trainings, with 95 % bootstrap intervals (BCa) over "
    "designs, where there are enough of them. At equal OPs: Spearman's partial correlation. "
    "Learners: Spearman's among designs that learn. By loss: Spearman's of the validation loss."
)
_PREFIX_NOTE = (
    "The first epochs of a long training are compared with long trainings of other seeds alone."
)


def fidelity_table(report: "Report") -> RenderableType:
    """Every proxy with its correlations and its cost, what the truth is worth, and advice."""
    if report.truth is None:
        return Text("Less than two designs have been trained long: there is nothing to compare.")
    notes = [_NOTE]
    if any(proxy.kind == "prefix" for proxy in report.proxies):
        notes.append(_PREFIX_NOTE)
    return Group(
        _proxies(report, report.truth),
        facts(_truth(report.truth)),
        "",
        quiet(" ".join(notes)),
        "",
        Text(advice(report)),
    )


def advice(report: "Report") -> str:
    """Which proxy to take, in a sentence."""
    recommended, likely, wanted = report.recommended, report.likely, f"{report.wanted:g}"
    if recommended is not None:
        return (
            f"recommended: {recommended.title}, the cheapest proxy whose whole interval lies at "
            f"{wanted} or above"
        )
    if likely is None:
        return f"recommended: none; no proxy has a correlation of {wanted} or more"
    return (
        f"recommended: none; no interval lies at {wanted} or above. By its value alone it would be "
        f"{likely.title}, which more designs could settle"
    )


def _proxies(report: "Report", truth: "Truth") -> Table:
    rows = table("proxy", *_NUMBERS, numbers=_NUMBERS)
    for proxy in report.proxies:
        rows.add_row(
            _name(proxy),
            _seconds(proxy.seconds),
            f"{proxy.seconds / truth.seconds:.2g}",
            _with_interval(proxy.spearman),
            _with_interval(proxy.kendall),
            *map(_value, (proxy.at_equal_ops, proxy.learners, proxy.by_loss)),
            style="dim" if proxy.kind == "baseline" else None,
        )
    return rows


def _truth(truth: "Truth") -> list[tuple[str, str]]:
    failed = f", {truth.num_failed} failed" if truth.num_failed else ""
    deviation = "" if truth.deviation is None else f"{100 * truth.deviation:.2f} points"
    ceiling = "" if truth.ceiling is None else _with_interval(truth.ceiling)
    length = f"{counted(truth.epochs, 'epoch')}, {counted(truth.seeds, 'seed')}"
    designs = f"{counted(truth.num_designs, 'design')}{failed}"
    threshold = f"at most {percent(truth.learns_above)} %, three standard errors above guessing"
    error = f"{100 * truth.standard_error:.2f} points"
    return [
        ("long training", f"{length}, {_seconds(truth.seconds)} s each, {designs}"),
        ("do not learn", f"{truth.num_unlearned} ({threshold})"),
        ("standard error", f"{error} with {counted(truth.num_images, 'validation image')}"),
        ("between seeds", deviation and f"{deviation} standard deviation"),
        ("ceiling", ceiling and f"{ceiling} Spearman between single long trainings"),
    ]


def _name(proxy: "Proxy") -> str:
    return proxy.title if proxy.num_failed == 0 else f"{proxy.title} ({proxy.num_failed} failed)"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g}" if seconds < 100 else f"{seconds:,.0f}"


def _value(correlation: "Correlation | None") -> str:
    if correlation is None or correlation.value is None:
        return "-"
    return f"{correlation.value:.2f}"


def _with_interval(correlation: "Correlation") -> str:
    if correlation.low is None or correlation.high is None:
        return _value(correlation)
    return f"{_value(correlation)} ({correlation.low:.2f} to {correlation.high:.2f})"
