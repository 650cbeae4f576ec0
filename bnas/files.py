"""Replacing a file as a whole, so that a reader, or a crash, never meets half of one."""

import os
import tempfile
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
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
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
