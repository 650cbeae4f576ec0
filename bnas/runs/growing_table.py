"""A CSV table that grows by a line at a time, and loses at most the last one to a kill."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bnas.errors import RunError
from bnas.runs.files import append_text, write_text
from bnas.runs.tables import csv_text

_Row = TypeVar("_Row")


def read_rows(path: Path, parse: Callable[[dict[str, str]], _Row], *, of: str) -> list[_Row]:
    """Every row, none if there is no file yet; half a last line is passed over.

    Args:
        path: The table, with a header.
        parse: What a row stands for.
        of: What they stand for, for the message.

    Raises:
        RunError: The file is damaged.
    """
    if not path.exists():
        return []
    rows = csv.DictReader(_whole_lines(path.read_text(encoding="utf-8")).splitlines())
    try:
        return [parse(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} must be a table of {of}, but line {rows.line_num} is not one of it; "
            "restore it from a copy, or cut it before that line"
        ) from error


def append_row(path: Path, columns: Sequence[str], row: Sequence[Any]) -> None:
    """Adds a line to the table, and begins it where there is none.

    Raises:
        RunError: The disk is full or the folder cannot be written.
    """
    if not path.exists() or not path.stat().st_size:
        write_text(path, csv_text([columns]))
    append_text(path, csv_text([row]))


def mend_rows(path: Path) -> None:
    """Removes what a killed process wrote of its last line."""
    if path.exists() and not (text := path.read_text(encoding="utf-8")).endswith("\n"):
        write_text(path, _whole_lines(text))


def _whole_lines(text: str) -> str:
    return text[: text.rfind("\n") + 1]
