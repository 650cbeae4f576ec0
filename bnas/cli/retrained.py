"""What `bnas retrain` and `bnas resume` show of a retraining, while it goes on and at its end."""

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bnas.report.progress import RetrainingProgress
    from bnas.runs.retraining.configuration import RetrainConfiguration
    from bnas.runs.retraining.result import Retraining
    from bnas.runs.retraining.retrain import RetrainEnd

_FAILED = 1
_INTERRUPTED = 130


def progress(configuration: "RetrainConfiguration", *, done: int = 0) -> "RetrainingProgress":
    """A display on the standard error stream.

    Args:
        configuration: What is done.
        done: Trainings of earlier calls.
    """
    from bnas.report.progress import RetrainingProgress
    from bnas.runs.retraining.retrain import labels

    return RetrainingProgress(
        labels(configuration),
        wanted=len(configuration.designs) * len(configuration.seeds),
        done=done,
        epochs=configuration.evaluator.epochs,
        workers=1 if configuration.processes > 1 else configuration.engine.workers,
    )


def finish(ended: "RetrainEnd", *, as_json: bool) -> None:
    """Prints the end, draws the plots, and exits with 130 after Ctrl-C, 1 after a failure."""
    from bnas.report.plots import plot_retraining

    retraining, end = ended.retraining, ended.end
    paths = plot_retraining(retraining)
    if as_json:
        click.echo(json.dumps(retraining.as_dict(), indent=2))
    else:
        click.echo(f"ended: {end.message}")
        print_retraining(retraining)
        click.echo(f"run folder: {retraining.folder.path}")
        for path in paths:
            click.echo(f"plot: {path}")
        if end.reason in {"interrupted", "time"}:
            click.echo(f"go on with: bnas resume {retraining.folder.reference}")
    if end.reason == "interrupted":
        sys.exit(_INTERRUPTED)
    if retraining.num_failed:
        sys.exit(_FAILED)


def print_retraining(retraining: "Retraining") -> None:
    """Prints the table of a retraining."""
    from bnas.report.plots.agreement import agreement_text
    from bnas.report.plots.retraining import notes
    from bnas.report.tables import retrained_table, show

    lines = [notes(retraining, len(retraining.front()))]
    if (agreement := retraining.agreement()).n:
        lines.append(f"Proxy, {retraining.configuration.proxy}: {agreement_text(agreement)}.")
    show(retrained_table(retraining.designs(), *lines))
