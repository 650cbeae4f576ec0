"""Published figures of binary networks, to compare with: `results/reference/published.csv`."""

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from bnas.errors import InvalidData

Mark: TypeAlias = Literal["V", "C", "S", "M", ""]

_MARKS: Final[tuple[Mark, ...]] = get_args(Mark)
_COLUMNS: Final = (
    *("model", "dataset", "ops", "ops_mark", "ace", "ace_mark"),
    *("top1", "top1_mark", "source"),
)
_PACKAGE: Final = Path(__file__).resolve().parent.parent
_FILE: Final = Path("results", "reference", "published.csv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A published number and where it comes from.

    Attributes:
        value: The number.
        mark: V read in the paper or its code, C counted by hand, S read in another author's table,
            M remembered; empty if it is not said.
    """

    value: float
    mark: Mark

    @property
    def is_citable(self) -> bool:
        """Whether it may be printed as published."""
        return self.mark in ("V", "C", "S")


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedPoint:
    """What a paper states about one network; None where the figure was not found.

    Attributes:
        model: Its name.
        dataset: What it was trained and tested on.
        ops: BOPs / 64 + FLOPs.
        ace: Arithmetic computation effort.
        top1: Test accuracy in percent.
        source: The paper.
    """

    model: str
    dataset: str
    ops: Figure | None
    ace: Figure | None
    top1: Figure | None
    source: str


def published_points(path: str | os.PathLike[str] | None = None) -> tuple[PublishedPoint, ...]:
    """All points of a file, in its order.

    Args:
        path: A CSV file with the columns of the one that bnas brings along, which is the default.

    Raises:
        InvalidData: The file cannot be read, lacks a column, or has a wrong cell; the message
            names file, line and cell.
    """
    file = _shipped() if path is None else Path(path)
    try:
        with file.open(encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            if tuple(reader.fieldnames or ()) != _COLUMNS:
                raise InvalidData(
                    f"{file}: the columns must be {','.join(_COLUMNS)}, but got "
                    f"{','.join(reader.fieldnames or ()) or 'none'}; write them as the first line"
                )
            return tuple(_point(row, f"{file}, line {reader.line_num}") for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidData(f"{file}: cannot be read as CSV: {error}; give another file") from None


def _shipped() -> Path:
    """The file of the checkout, else the copy inside the installed package."""
    checkout = _PACKAGE.parent
    is_checkout = (checkout / "pyproject.toml").is_file()
    return (checkout if is_checkout else _PACKAGE) / _FILE


def _point(row: Mapping[str, str], place: str) -> PublishedPoint:
    if None in row or None in row.values():
        raise InvalidData(
            f"{place}: a row must have {len(_COLUMNS)} cells; "
            "write an empty one where nothing is known"
        )
    return PublishedPoint(
        model=row["model"],
        dataset=row["dataset"],
        ops=_figure(row, "ops", place),
        ace=_figure(row, "ace", place),
        top1=_figure(row, "top1", place),
        source=row["source"],
    )


def _figure(row: Mapping[str, str], column: str, place: str) -> Figure | None:
    text, mark = row[column], row[f"{column}_mark"]
    found = next((known for known in _MARKS if known == mark), None)
    if found is None:
        raise InvalidData(
            f"{place}: {column}_mark must be one of {', '.join(filter(None, _MARKS))} or empty, "
            f"but got {mark!r}; say where the figure comes from"
        )
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InvalidData(
            f"{place}: {column} must be a positive number or empty, but got {text!r}; correct it"
        )
    return Figure(value=value, mark=found)
