"""Scratch folders: there for the time of a search, and removed later if its process was killed.

The process holds a lock on a file in its folder. The kernel lets go of it however the process ends,
and no other process can be taken for it, as by a number that was given out again.
"""

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

# A socket's path has at most 107 bytes, of which Ray uses about 80.
_LONGEST_PARENT: Final = 25
_SHORT_PARENT: Final = Path("/tmp")  # noqa: S108 (mkdtemp makes a private folder in it)
_PREFIX: Final = "bnas-"
_OWNER: Final = "owner"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Makes a folder, and removes it at the end with those that killed searches left beside it."""
    parent = Path(tempfile.gettempdir())
    if len(str(parent)) > _LONGEST_PARENT and _SHORT_PARENT.is_dir():
        parent = _SHORT_PARENT
    remove_left(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    with _owned(folder):
        try:
            yield folder
        finally:
            _remove(folder)
            # Again, because Ray's own processes may outlive a killed search for some seconds.
            remove_left(parent)


def remove_left(parent: Path) -> None:
    """Removes the scratch folders of searches of this user, on this machine, that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if not _is_ours(folder):
                continue
            with (folder / _OWNER).open("r+", encoding="utf-8") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Where several machines share the folder, the others' locks may not be seen.
                if owner.read() == socket.gethostname():
                    _remove(folder)


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Says whose a folder is, from the first moment with the lock."""
    unfinished = folder / f".{_OWNER}"
    with unfinished.open("w", encoding="utf-8") as owner:
        owner.write(socket.gethostname())
        owner.flush()
        # Where locks do not work nobody owns it, and a killed process leaves it for good.
        with suppress(OSError):
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unfinished.rename(folder / _OWNER)
        yield


def _is_ours(folder: Path) -> bool:
    return not folder.is_symlink() and folder.stat().st_uid == os.geteuid()


def _remove(folder: Path) -> None:
    """Removes all that can be; what is left keeps its owner, to be removed another time."""
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != _OWNER:
                entry.unlink()
        if [entry.name for entry in folder.iterdir()] == [_OWNER]:
            (folder / _OWNER).unlink()
        folder.rmdir()
