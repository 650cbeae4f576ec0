"""The journal file of a study: one line of JSON for each thing that happened, appended in order.

Many processes may write, each line under a lock, and any process may read meanwhile. A killed
process leaves at most one incomplete line at the end.
"""

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optuna.storages.journal import (
    BaseJournalBackend,
    JournalFileBackend,
    JournalFileSymlinkLock,
    JournalStorage,
)

from bnas.search.outage import outlasting


class _Journal(BaseJournalBackend):
    """Optuna's journal file, forced to disk once a trial instead of once a line.

    A trial has some 35 lines, and forcing one takes 2 to 10 ms on a disk that is in use. What is
    written survives a killed process in any case; forcing it guards against a power failure, and
    it is the end of a trial that must survive one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = JournalFileBackend(str(path))

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return iter(outlasting(lambda: list(self._reader.read_logs(log_number_from))))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        is_forced = any("state" in log for log in logs)
        outlasting(lambda: self._append(lines, is_forced=is_forced))

    def _append(self, lines: bytes, *, is_forced: bool) -> None:
        """Appends all of it or nothing; a file that is away is not made anew."""
        with _locked(self._path), self._path.open("r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                _write_all(file, lines)
                if is_forced:
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise


def _write_all(file: io.FileIO, content: bytes) -> None:
    """A disk that is nearly full takes a part at first, and says why only when asked again."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def open_journal(path: Path) -> JournalStorage:
    """Opens a journal as a storage for Optuna, and creates it where there is none."""
    # The lock is a link to this path, which is followed from the folder that it lies in.
    return JournalStorage(_Journal(path.resolve()))


def cut_incomplete_line(path: Path) -> None:
    """Removes what a killed process wrote of its last line."""
    with _locked(path.resolve()):
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)


def first_bad_line(path: Path) -> int | None:
    """Number, from 1, of the first line that is not an entry; None if all are."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not _is_entry(line):
                return number
    return None


def _is_entry(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        yield
    finally:
        # The storage may have gone away within; Optuna breaks a lock that is left after 30 s.
        with suppress(RuntimeError):
            lock.release()
