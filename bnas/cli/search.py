"""`bnas search`."""

from pathlib import Path
from typing import Any, get_args

import click

from bnas.cli.options import Duration, results_dir
from bnas.cli.outcome import finish
from bnas.cost import COSTS
from bnas.search.objectives import ACCURACY
from bnas.search.settings import Device, EngineName, SamplerName


@click.command("search")
@click.option("--space", help="Search space, a name (see `bnas spaces`) or a YAML file.")
@click.option("--evaluator", help="Evaluator, a name (see `bnas evaluators`) or a YAML file.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Start from a whole configuration, as the config.yaml of a run; options replace parts.",
)
@click.option("--trials", type=int, help="Architectures to train.  [default: 30]")
@click.option(
    "--patience", type=int, help="Stop after so many trials without growth of the hypervolume."
)
@click.option("--max-time", type=Duration(), help="Stop after this time, as 90s, 10m or 2h.")
@click.option("--name", metavar="RUN", help="Name of the run.  [default: SPACE-EVALUATOR-NUMBER]")
@click.option("--seed", type=int, help="Seed of proposals, weights and data order.  [default: 0]")
@click.option("--workers", type=int, help="Trials at once.  [default: one for each CPU]")
@click.option("--engine", type=click.Choice(get_args(EngineName)), help="[default: ray]")
@click.option("--sampler", type=click.Choice(get_args(SamplerName)), help="[default: tpe]")
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    type=click.Choice([ACCURACY, *COSTS]),
    help="What to optimise, two or three.  [default: accuracy, ops]",
)
@click.option("--max-ops", type=float, metavar="OPS", help="Train nothing with more operations.")
@click.option("--min-ops", type=float, metavar="OPS", help="Train nothing with fewer operations.")
@click.option("--data", metavar="DATA", help="Data set by name, or a path (docs/data.md).")
@click.option("--device", type=click.Choice(get_args(Device)), help="[default: cpu]")
@click.option("--address", metavar="HOST:PORT", help="Ray cluster, or local for this machine.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any key of the configuration, as evaluator.epochs=3.",
)
@results_dir
def command(  # noqa: PLR0917 (click calls it by name)
    space: str | None,
    evaluator: str | None,
    config: Path | None,
    name: str | None,
    data: str | None,
    assignments: tuple[str, ...],
    results_dir: Path,
    max_ops: float | None,
    min_ops: float | None,
    **search: Any,
) -> None:
    """Search a space for the front of accuracy against operations.

    Trains TRIALS architectures that the sampler proposes, and writes a run folder with the study,
    a row for each trial, the front and its picture.
    """
    from bnas.report.progress import Progress
    from bnas.runs.configuration import load_configuration, resolve
    from bnas.runs.search import start

    base = load_configuration(config) if config is not None else None
    settings = {key: value for key, value in search.items() if value not in (None, ())}
    if "max_time" in settings:
        settings["max_time_s"] = settings.pop("max_time")
    band = {k: v for k, v in (("minimum", min_ops), ("maximum", max_ops)) if v is not None}
    if band:
        bounds = base.search.model_dump()["bounds"] if base is not None else {}
        settings["bounds"] = {**bounds, "ops": {**bounds.get("ops", {}), **band}}
    configuration = resolve(
        space=space,
        evaluator=evaluator,
        base=base,
        search=settings,
        data=data,
        assignments=assignments,
    )
    with Progress(configuration.search, epochs=configuration.evaluator.epochs) as progress:
        ended = start(configuration, name=name, results_dir=results_dir, listener=progress)
    finish(ended)
