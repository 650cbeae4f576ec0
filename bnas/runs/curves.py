"""The files of a curve: a row an epoch, a row an epoch and layer, and TensorBoard's events.

All three only grow, in the order of the epochs, so what a killed process leaves is whole up to some
place, and what an epoch that is trained again replaces is everything from some place on.
"""

import csv
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from bnas.errors import RunError
from bnas.runs import event_file
from bnas.runs.files import append_bytes, writing
from bnas.runs.tables import csv_text
from bnas.search.outage import outlasting
from bnas.training.curve import MEASURES, CurvePoint, LayerHealth

CURVE: Final = "curve.csv"
HEALTH: Final = "health.csv"
# TensorBoard shows what has "tfevents" in its name.
EVENTS: Final = "events.out.tfevents.curve"

_SUMMARY: Final = (
    "flips",
    "saturated_weights",
    "saturated_activations",
    "dead_channels",
    "gradient",
)
_POINT: Final = ("epoch", "phase", "learning_rate", "loss", "seconds")
_LAYER: Final = tuple(field.name for field in fields(LayerHealth))


class Curve:
    """Writes the curve of one training to a folder, epoch by epoch.

    What is added is on its way to the disk when `add` returns: a process may be killed at any
    time. Add the point of an epoch before the state of the training is saved, so that no epoch
    is missing after a resume; one that was trained again replaces itself and all behind it.

    Args:
        folder: Where the files lie; it exists. `curve.csv` has a row an epoch, `health.csv` one
            an epoch and layer, and the event file the same for TensorBoard.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: int | None = None

    def add(self, point: CurvePoint) -> None:
        """Adds an epoch.

        Raises:
            RunError: The disk is full or the folder cannot be written.
        """
        if self._last is None or point.epoch <= self._last:
            self._cut(point.epoch)
        rows = [[point.epoch, *(getattr(layer, name) for name in _LAYER)] for layer in point.layers]
        head = [getattr(point, name) for name in (*_POINT, *_SUMMARY)]
        append_bytes(self._folder / HEALTH, csv_text(rows).encode())
        append_bytes(self._folder / EVENTS, _event(point))
        # Last: an epoch that is in the curve has all its layers.
        append_bytes(self._folder / CURVE, csv_text([head]).encode())
        self._last = point.epoch

    def _cut(self, epoch: int) -> None:
        """Removes everything from an epoch on, and half a record; begins the missing files."""
        begins: dict[str, tuple[bytes, Callable[[bytes, int], int]]] = {
            HEALTH: (csv_text([("epoch", *_LAYER)]).encode(), _end_of_rows),
            EVENTS: (event_file.beginning(time.time()), _end_of_events),
            CURVE: (csv_text([(*_POINT, *_SUMMARY)]).encode(), _end_of_rows),
        }
        for name, (beginning, end) in begins.items():
            path = self._folder / name
            content = path.read_bytes() if path.exists() else b""
            kept = end(content, epoch)
            with writing(path):
                if kept < len(content):
                    _truncate(path, kept)
            if not kept:
                append_bytes(path, beginning)


def read_curve(folder: Path) -> list[CurvePoint]:
    """The points in a folder that `Curve` wrote to; none if there is no curve yet.

    Half a last line is passed over.

    Raises:
        RunError: A file is damaged.
    """
    layers: dict[str, list[LayerHealth]] = {}
    for row in _rows(folder / HEALTH, _layer):
        layers.setdefault(row[0], []).append(row[1])
    return [
        CurvePoint(**values, layers=tuple(layers.get(str(values["epoch"]), ())))
        for values in _rows(folder / CURVE, _point)
    ]


def _rows(path: Path, parse: Callable[[dict[str, str]], Any]) -> list[Any]:
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    try:
        return [parse(row) for row in reader]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} must be a table of a curve, but line {reader.line_num} is not one of it; "
            "restore it from a copy, or cut it before that line"
        ) from error


def _point(row: dict[str, str]) -> dict[str, Any]:
    numbers = {name: float(row[name]) for name in ("learning_rate", "loss", "seconds")}
    return {"epoch": int(row["epoch"]), "phase": row["phase"], **numbers}


def _layer(row: dict[str, str]) -> tuple[str, LayerHealth]:
    measured: dict[str, Any] = {name: float(row[name]) for name in MEASURES if row[name]}
    part: Any = row["part"]
    size = int(row["size"])
    return row["epoch"], LayerHealth(layer=row["layer"], part=part, size=size, **measured)


def _event(point: CurvePoint) -> bytes:
    """The columns of the curve by their names, and those of the layers below their measure's."""
    names = ("learning_rate", "loss", "seconds", *_SUMMARY)
    values = {name: getattr(point, name) for name in names}
    for layer in point.layers:
        values |= {f"{name}/{layer.layer}": getattr(layer, name) for name in MEASURES}
    known = {tag: value for tag, value in values.items() if value is not None}
    return event_file.scalars(known, step=point.epoch, wall_time=time.time())


def _end_of_rows(content: bytes, epoch: int) -> int:
    """Where the whole rows of earlier epochs end, in bytes."""
    lines = content[: content.rfind(b"\n") + 1].splitlines(keepends=True)
    return sum(map(len, _before(lines, epoch)))


def _before(lines: Sequence[bytes], epoch: int) -> Sequence[bytes]:
    for number, line in enumerate(lines):
        first = line.partition(b",")[0]
        if first.isdigit() and int(first) >= epoch:
            return lines[:number]
    return lines


def _end_of_events(content: bytes, epoch: int) -> int:
    """Where the whole records of earlier epochs end, in bytes."""
    kept = 0
    for step, end in event_file.steps(content):
        if step >= epoch:
            break
        kept = end
    return kept


def _truncate(path: Path, size: int) -> None:
    outlasting(lambda: os.truncate(path, size))
