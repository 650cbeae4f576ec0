"""`bnas fidelity`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from bnas.cli.options import Duration, as_json, results_dir
from bnas.search.settings import Device, EngineName

if TYPE_CHECKING:
    from bnas.runs.fidelity.measure import FidelityEnd
    from bnas.runs.folder import RunFolder

_INTERRUPTED = 130
_SAMPLE = ("designs", "seeds", "recommend")


@click.command("fidelity")
@click.option("--space", required=True, help="Search space, a name or a YAML file.")
@click.option("--evaluator", required=True, help="Evaluator, a name or a YAML file.")
@click.option(
    "--truth",
    metavar="KEY=VALUE[,...]",
    help="The truth: the evaluator with other settings, as epochs=40,subset=null.  "
    "[default: 5 times the epochs]",
)
@click.option("--designs", type=int, help="Architectures to train.  [default: 12]")
@click.option("--seeds", type=int, help="Long trainings of each.  [default: 2]")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="KEY=VALUE[,...]",
    help="Another proxy: the evaluator with other settings, as epochs=2.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    default=["zero-cost"],
    show_default=True,
    help="Another proxy: an evaluator of any kind, a name or a YAML file.",
)
@click.option("--recommend", type=float, help="Correlation to ask for.  [default: 0.8]")
@click.option("--name", metavar="RUN", help="Name of the run.")
@click.option("--seed", type=int, help="Seed of sample and trainings.  [default: 0]")
@click.option("--max-ops", type=float, metavar="OPS", help="Train nothing with more operations.")
@click.option("--min-ops", type=float, metavar="OPS", help="Train nothing with fewer operations.")
@click.option("--data", metavar="DATA", help="Data set by name, or a path (docs/data.md).")
@click.option("--max-time", type=Duration(), help="Stop after this time, as 10m or 2h.")
@click.option("--workers", type=int, help="Trainings at once.  [default: one for each CPU]")
@click.option("--engine", type=click.Choice(get_args(EngineName)), help="[default: ray]")
@click.option("--device", type=click.Choice(get_args(Device)), help="[default: cpu]")
@click.option("--address", metavar="HOST:PORT", help="Ray cluster, or local for this machine.")
@as_json()
@results_dir
def command(  # noqa: PLR0917 (click calls it by name)
    space: str,
    evaluator: str,
    truth: str | None,
    variants: tuple[str, ...],
    proxies: tuple[str, ...],
    name: str | None,
    data: str | None,
    max_ops: float | None,
    min_ops: float | None,
    max_time: float | None,
    results_dir: Path,
    *,
    as_json: bool,
    **settings: Any,
) -> None:
    """Measure what short trainings and other proxies are worth.

    Trains a sample of the space long, and compares how each proxy ranks it: every epoch of the
    evaluator's own training, variants of it, zero-cost scores, and exact costs.
    """
    from bnas.runs.fidelity.measure import start
    from bnas.runs.fidelity.plan import resolve

    given = {key: value for key, value in settings.items() if value is not None}
    sample = {key: given.pop(key) for key in _SAMPLE if key in given}
    band = {k: v for k, v in (("minimum", min_ops), ("maximum", max_ops)) if v is not None}
    plan = resolve(
        space=space,
        evaluator=evaluator,
        truth=truth,
        variants=variants,
        proxies=proxies,
        sample=sample,
        search={**given, "bounds": {"ops": band}} if band else given,
        data=data,
    )
    ended = start(plan, name=name, results_dir=results_dir, max_time_s=max_time, tell=say)
    finish(ended, as_json=as_json)


def go_on(
    folder: "RunFolder",
    settings: Mapping[str, Any],
    max_time_s: float | None,
) -> None:
    """Goes on with a measurement, as `bnas resume` does.

    Args:
        folder: Its run folder.
        settings: Of where it runs.
        max_time_s: Seconds after which to stop again.
    """
    from bnas.runs.fidelity.measure import resume

    for option in ("trials", "patience"):
        if option in settings:
            raise click.UsageError(
                f"--{option} is for a search, but {folder.path} is a run of `bnas fidelity`; "
                f"drop --{option}"
            )
    ended = resume(folder, changes=settings, max_time_s=max_time_s, tell=say)
    finish(ended, as_json=False)


def say(line: str) -> None:
    """Tells of progress, apart from results."""
    click.echo(line, err=True)


def finish(ended: "FidelityEnd", *, as_json: bool) -> None:
    """Prints what was found, draws it, and exits with 130 after Ctrl-C."""
    from bnas.report.plots import write_fidelity_plots
    from bnas.report.tables import fidelity_table, show

    paths = write_fidelity_plots(ended.folder.plots, ended.report)
    if as_json:
        click.echo(json.dumps(ended.report.as_dict(), indent=2))
    else:
        click.echo(f"ended: {ended.end.message}")
        show(fidelity_table(ended.report))
        click.echo(f"run folder: {ended.folder.path}")
        for path in paths:
            click.echo(f"plot: {path}")
        if ended.end.reason in {"interrupted", "time"}:
            click.echo(f"go on with: bnas resume {ended.folder.reference}")
    if ended.end.reason == "interrupted":
        sys.exit(_INTERRUPTED)
