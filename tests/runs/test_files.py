"""Appending to files, whatever the storage does meanwhile."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest

from bnas.errors import RunError
from bnas.runs.files import append_text
from bnas.search import outage


class FailingToClose(io.FileIO):
    """A file that says only when it is closed that something went wrong with what is in it."""

    failures: list[int]

    def close(self) -> None:
        is_open = not self.closed
        super().close()
        if is_open and self.failures:
            raise OSError(number := self.failures.pop(), os.strerror(number))


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Errors that the next files that are opened end with, the last one first."""
    failures: list[int] = []
    really_open = Path.open

    def opened(path: Path, mode: str, **options: Any) -> Any:
        if mode != "ab":
            return really_open(path, mode, **options)
        file = FailingToClose(path, mode)
        file.failures = failures
        file.seek(0, os.SEEK_END)
        return file

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(outage, "_PAUSE_S", 0.0)
    return failures


def test_a_row_that_is_appended_again_is_there_once(tmp_path: Path, failures: list[int]) -> None:
    path = tmp_path / "table.csv"
    append_text(path, "1\n")
    failures += [errno.EIO, errno.ESTALE]
    append_text(path, "2\n")
    assert path.read_bytes() == b"1\n2\n"


def test_it_is_there_once_where_the_storage_was_away_for_long(
    tmp_path: Path, failures: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "table.csv"
    append_text(path, "1\n")
    failures += [errno.EIO]
    monkeypatch.setattr(os, "truncate", away)
    append_text(path, "2\n")
    assert path.read_bytes() == b"1\n2\n"


def test_of_a_row_that_cannot_be_written_nothing_is_left(
    tmp_path: Path, failures: list[int]
) -> None:
    path = tmp_path / "table.csv"
    append_text(path, "1\n")
    failures += [errno.ENOSPC]
    message = (
        f"^{path} must be writable, but No space left on device; free space or correct the "
        "permissions, then resume the run: everything recorded before is kept$"
    )
    with pytest.raises(RunError, match=message):
        append_text(path, "2\n")
    assert path.read_bytes() == b"1\n"
