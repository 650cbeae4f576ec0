"""Writing files so that a reader, or a crash, never meets half of one."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bnas.errors import RunError
from bnas.files import replace
from bnas.search.outage import outlasting


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file as a whole.

    Raises:
        RunError: The disk is full or the folder cannot be written; the old file is kept.
    """
    with writing(path):
        outlasting(lambda: replace(path, content))


def write_text(path: Path, text: str) -> None:
    """Replaces a text file as a whole, in UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Replaces a JSON file as a whole."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def append_text(path: Path, text: str) -> None:
    """Appends to a text file, in UTF-8; see `append_bytes`."""
    append_bytes(path, text.encode())


def append_bytes(path: Path, content: bytes) -> None:
    """Appends to a file, all of it or nothing.

    Raises:
        RunError: The disk is full or the folder cannot be written.
    """
    end: int | None = None

    def append() -> None:
        nonlocal end
        try:
            with path.open("ab") as file:
                # What an earlier try left may still be there if the storage was away by then.
                end = file.tell() if end is None else file.truncate(end)
                file.write(content)
        except OSError:
            if end is not None:
                os.truncate(path, end)
            raise

    with writing(path):
        outlasting(append)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system says about writing `path` into an error for users."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{path} must be writable, but {error.strerror}; free space or correct the "
            "permissions, then resume the run: everything recorded before is kept"
        ) from error
