"""`bnas resume`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from bnas.cli.fidelity import go_on
from bnas.cli.options import Duration, results_dir, run_argument
from bnas.cli.outcome import finish
from bnas.search.settings import Device, EngineName

if TYPE_CHECKING:
    from bnas.runs.folder import RunFolder


@click.command("resume")
@run_argument
@click.option("--trials", type=int, help="New total of architectures to train.")
@click.option(
    "--patience", type=int, help="Stop after so many trials without growth of the hypervolume."
)
@click.option("--max-time", type=Duration(), help="Stop after this time from now, as 10m.")
@click.option("--workers", type=int, help="Trials at once.")
@click.option("--engine", type=click.Choice(get_args(EngineName)), help="Another engine.")
@click.option("--device", type=click.Choice(get_args(Device)), help="Another device.")
@click.option("--address", metavar="HOST:PORT", help="Ray cluster, or local for this machine.")
@results_dir
def command(run: str, results_dir: Path, max_time: float | None, **changes: Any) -> None:
    """Go on with a search, a retraining or a measurement of proxies, where it stopped.

    Finished trials are kept, interrupted ones run again, and new ones follow up to the number of
    trials asked for.
    """
    from bnas.runs.folder import find

    folder = find(results_dir, run)
    settings = {key: value for key, value in changes.items() if value is not None}
    if folder.fidelity.exists():
        go_on(folder, settings, max_time)
        return
    # A time limit holds for one call, and so does its absence.
    settings["max_time_s"] = max_time
    if folder.is_retraining:
        _retrain(folder, settings)
    else:
        _search(folder, settings)


def _search(folder: "RunFolder", settings: dict[str, Any]) -> None:
    from bnas.report.progress import Progress
    from bnas.runs.run import open_run
    from bnas.runs.search import resume

    earlier = open_run(folder)
    configuration = earlier.configuration.with_search(settings)
    with Progress(
        configuration.search, earlier=earlier.trials, epochs=configuration.evaluator.epochs
    ) as progress:
        ended = resume(folder, changes=settings, listener=progress)
    finish(ended)


def _retrain(folder: "RunFolder", settings: dict[str, Any]) -> None:
    from bnas.cli import retrained
    from bnas.runs.retraining.result import open_retraining
    from bnas.runs.retraining.retrain import resume

    earlier = open_retraining(folder)
    configuration = earlier.configuration.with_engine(settings)
    with retrained.progress(configuration, done=len(earlier.final)) as progress:
        ended = resume(folder, changes=settings, listener=progress)
    retrained.finish(ended, as_json=False)
