"""Options and arguments that several verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

RESULTS_DIR = Path("results") / "runs"

results_dir = click.option(
    "--results-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS_DIR,
    show_default=True,
    envvar="BNAS_RESULTS_DIR",
    help="Folder of all runs.",
)

run_argument = click.argument("run")


def as_json(help_text: str = "Print JSON.") -> Callable[[Any], Any]:
    """The `--json` flag."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType[float]):
    """Seconds, from a number with a unit as in `90s`, `10m` or `1.5h`; without one, seconds."""

    name = "time"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds, more than 0."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        factor = _UNITS.get(text[-1:])
        number = text[:-1] if factor is not None else text
        try:
            seconds = float(number) * (factor or 1.0)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            self.fail(
                f"a time is a number with s, m, h or d, as in 10m, but got {value!r}", param, ctx
            )
        return seconds


image_size = click.option(
    "--image-size",
    type=click.IntRange(1, 4096),
    help="Height and width in pixels.  [default: the design's own]",
)
num_classes = click.option(
    "--num-classes",
    type=click.IntRange(1, 1_000_000),
    help="Outputs of the classifier.  [default: the design's own]",
)
