"""`bnas repeat`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from bnas.cli.options import Duration, as_json, results_dir, run_argument
from bnas.search.settings import Device, EngineName

if TYPE_CHECKING:
    from bnas.runs.repeat import RepeatEnd

_INTERRUPTED = 130


@click.command("repeat")
@run_argument
@click.argument("digests", nargs=-1, metavar="[DIGEST]...")
@click.option("--front", is_flag=True, help="Repeat all designs on the front of the search.")
@click.option("--seeds", type=int, default=3, show_default=True, help="New seeds for each design.")
@click.option("--max-time", type=Duration(), help="Stop after this time from now, as 10m.")
@click.option("--workers", type=int, help="Evaluations at once.")
@click.option("--engine", type=click.Choice(get_args(EngineName)), help="Another engine.")
@click.option("--device", type=click.Choice(get_args(Device)), help="Another device.")
@click.option("--address", metavar="HOST:PORT", help="Ray cluster, or local for this machine.")
@as_json()
@results_dir
def command(
    *,
    run: str,
    digests: tuple[str, ...],
    front: bool,
    seeds: int,
    max_time: float | None,
    as_json: bool,
    results_dir: Path,
    **changes: Any,
) -> None:
    """Evaluate designs of a run again with new seeds, to tell quality from luck.

    Repeats the front, or the designs that DIGEST names. Afterwards the front shows means over the
    new seeds with their 95 % t-intervals, and lacks the designs that were only lucky. What is
    recorded in repeats.csv is not evaluated again.
    """
    from bnas.runs.folder import find
    from bnas.runs.repeat import repeat

    if front == bool(digests):
        raise click.UsageError("designs are named by --front or by DIGEST; give one of the two")
    settings = {key: value for key, value in changes.items() if value is not None}
    ended = repeat(
        find(results_dir, run),
        num_seeds=seeds,
        digests=digests or None,
        changes={**settings, "max_time_s": max_time},
        tell=_say,
    )
    _print(ended, as_json=as_json)
    if ended.end.reason == "interrupted":
        sys.exit(_INTERRUPTED)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _print(ended: "RepeatEnd", *, as_json: bool) -> None:
    opened = ended.run
    front = opened.front()
    if as_json:
        kept = {record.digest for record in front}
        entries = [
            {"digest": d, "on_front": d in kept, **opened.estimates[d].as_dict()}
            for d in ended.digests
            if d in opened.estimates
        ]
        click.echo(json.dumps(entries, indent=2))
        return
    from bnas.report.plots import plot_run
    from bnas.report.tables import front_table, show

    click.echo(f"ended: {ended.end.message}")
    show(front_table(front, opened.objectives, opened.estimates))
    for path in plot_run(opened):
        click.echo(f"plot: {path}")
