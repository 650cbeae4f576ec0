"""Storage that goes away for a while, as a network file system does: wait for it."""

import errno
import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

# Longer than a file server takes to start again; whoever waits for more can resume.
PATIENCE_S: Final = 120.0
_PAUSE_S: Final = 0.5

# What comes and goes. A full disk or a missing permission is for the user to mend, at once.
_PASSING: Final = {
    errno.ENOENT,
    errno.EIO,
    errno.ESTALE,
    errno.ENODEV,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
}

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


def outlasting(action: Callable[[], Result], *, patience_s: float | None = None) -> Result:
    """Does something with files, again and again while the storage is away.

    Args:
        action: To be done; it must leave nothing half done when it raises OSError.
        patience_s: Seconds to wait at most; by default `PATIENCE_S`.

    Raises:
        OSError: The storage did not come back in time, or it is something that does not pass.
    """
    patience_s = PATIENCE_S if patience_s is None else patience_s
    began: float | None = None
    while True:
        try:
            return action()
        except OSError as error:
            if error.errno not in _PASSING:
                raise
            now = time.monotonic()
            if began is None:
                began = now
                _log.warning("the storage is away (%s); waiting up to %g s", error, patience_s)
            if now - began >= patience_s:
                raise
        time.sleep(_PAUSE_S)
