"""`bnas retrain`."""

from pathlib import Path
from typing import Any, get_args

import click

from bnas.cli.design import design_of, run_of
from bnas.cli.options import Duration, as_json, results_dir
from bnas.search.settings import Device, EngineName


@click.command("retrain")
@click.argument("designs", nargs=-1, required=True, metavar="[RUN] [DESIGN]...")
@click.option("--front", is_flag=True, help="Retrain all designs on the front of RUN.")
@click.option("--top", type=int, metavar="K", help="Of the front, only the K most accurate.")
@click.option(
    "--with-published", "published", is_flag=True, help="And published designs to compare with."
)
@click.option("--evaluator", help="Recipe, data and epochs: a name or a YAML file; required.")
@click.option("--data", metavar="DATA", help="Data set by name, or a path (docs/data.md).")
@click.option("--seeds", type=int, default=1, show_default=True, help="Trainings of each design.")
@click.option("--name", metavar="RUN", help="Name of the new run.  [default: made up]")
@click.option("--max-time", type=Duration(), help="Stop after this time from now, as 10h.")
@click.option("--workers", type=int, help="Trainings at once.  [default: one for each CPU]")
@click.option(
    "--processes",
    type=int,
    default=1,
    show_default=True,
    help="That share each training; on cuda, each has a GPU.",
)
@click.option("--engine", type=click.Choice(get_args(EngineName)), help="[default: ray]")
@click.option("--device", type=click.Choice(get_args(Device)), help="[default: cpu]")
@click.option("--address", metavar="HOST:PORT", help="Ray cluster, or local for this machine.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of the evaluator or the engine, as evaluator.epochs=100.",
)
@as_json()
@results_dir
def command(  # noqa: PLR0917 (click calls it by name)
    designs: tuple[str, ...],
    front: bool,  # noqa: FBT001 (the same)
    top: int | None,
    published: bool,  # noqa: FBT001
    evaluator: str | None,
    data: str | None,
    seeds: int,
    name: str | None,
    max_time: float | None,
    processes: int,
    assignments: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
    results_dir: Path,
    **engine: Any,
) -> None:
    """Train designs to the end on training and validation images, and test each once.

    Takes the front of the search RUN, with --front, and every DESIGN. A new run folder gets, for
    each design and seed, its network with the curve of its training, and a row of retrained.csv.
    `bnas resume` goes on with it after an interruption.
    """
    from bnas.cli.retrained import finish, progress
    from bnas.runs.retraining.resolution import resolve
    from bnas.runs.retraining.retrain import start
    from bnas.runs.run import open_run

    if top is not None and not front:
        raise click.UsageError("--top is of a front; give RUN --front --top K")
    own, designs = (designs[:1], designs[1:]) if front else ((), designs)
    runs = [*own, *(run for text in designs if (run := run_of(text, results_dir)))]
    # A run has a name, and more than one path.
    opened = {
        run.folder.path.resolve(): run
        for run in (open_run(text, results_dir=results_dir) for text in runs)
    }
    if len(opened) > 1:
        raise click.UsageError(
            "designs are retrained together when they are of one run, but got "
            f"{', '.join(sorted(map(str, opened)))}; retrain those of each run apart"
        )
    given = {key: value for key, value in engine.items() if value is not None}
    resolved = resolve(
        run=next(iter(opened.values()), None),
        designs=[design_of(text, results_dir) for text in designs],
        front=front,
        top=top,
        published=published,
        evaluator=evaluator,
        data=data,
        num_seeds=seeds,
        engine={**given, "max_time_s": max_time},
        assignments=assignments,
        processes=processes,
    )
    with progress(resolved.configuration) as listener:
        ended = start(resolved, name=name, results_dir=results_dir, listener=listener)
    finish(ended, as_json=as_json)
