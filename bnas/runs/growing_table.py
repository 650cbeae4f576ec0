"""A CSV table that grows by a line at a time, and loses at most the last one to a kill."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bnas.errors import RunError
from bnas.runs.files import append_text, write_bytes, write_text
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
    text = _whole_lines(path.read_bytes()).decode()
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return [parse(row) for row in rows]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise RunError(
            f"{path} must be a table of {of}, but line {rows.line_num} is not one of it; "
            "restore it from a copy, or cut it before that line"
        ) from error


def append_row(path: Path, columns: Sequence[str], row: Sequence[Any]) -> None:
    """Adds a line to the table, and begins it where there is none; text in it becomes one line.

    Raises:
        RunError: The disk is full or the folder cannot be written.
    """
    if not path.exists() or not path.stat().st_size:
        write_text(path, csv_text([columns]))
    append_text(path, csv_text([[_one_line(cell) for cell in row]]))


def mend_rows(path: Path) -> None:
    """Removes what a killed process wrote of its last line."""
    if path.exists() and not (content := path.read_bytes()).endswith(b"\n"):
        write_bytes(path, _whole_lines(content))


def _whole_lines(content: bytes) -> bytes:
    """Bytes, since a kill may cut a character in two."""
    return content[: content.rfind(b"\n") + 1]


def _one_line(cell: Any) -> Any:
    return " ".join(cell.splitlines()) if isinstance(cell, str) else cell
