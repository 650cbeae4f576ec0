"""Where files outlast a run, and replacing one as a whole: a reader never meets half of it."""

import fcntl
import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace(path: Path, *content: bytes | memoryview, durable: bool = False) -> None:
    """Puts content in the place of a file, or makes it.

    Args:
        path: The file.
        content: All of it, in one or more parts.
        durable: Waits until the content is on the disk, so that it outlasts a power cut.

    Raises:
        OSError: The disk is full or the folder cannot be written; the old file is kept.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def cache_folder() -> Path | None:
    """Where data sets and kernels are kept for all runs of a user; None if there is no such place.

    ``$BNAS_CACHE``, or ``bnas`` in ``$XDG_CACHE_HOME``, or ``~/.cache/bnas``.
    """
    if own := os.environ.get("BNAS_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "bnas"
    try:
        return Path.home() / ".cache" / "bnas"
    except RuntimeError:  # neither $HOME nor an entry of this user
        return None


@contextmanager
def alone(entry: Path) -> Iterator[None]:
    """One process makes an entry while others wait; where nothing can be locked, all make it.

    It also removes what processes that were killed left of `replace`.
    """
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(entry.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Not without the lock: another process may be about to rename its own.
            for left in entry.parent.glob(f"{glob.escape(_prefix(entry))}*"):
                left.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def _prefix(path: Path) -> str:
    """How the names of files that are to replace another begin."""
    return f".{path.name}-"
