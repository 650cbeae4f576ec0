"""What every reader says of files that it cannot read."""

import os
from pathlib import Path

from bnas.errors import InvalidData


def reason(error: BaseException) -> str:
    """The cause in words, without the path that the message names anyway."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error).strip().rstrip(".") or type(error).__name__


def content(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        InvalidData: it cannot be read.
    """
    try:
        return path.read_bytes()
    except (OSError, MemoryError) as error:
        raise InvalidData(
            f"{path}: the file must be readable, but {reason(error)}; "
            "restore it or correct the permissions"
        ) from error
