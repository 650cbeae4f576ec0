"""The C library's heap: what one step frees is kept for the next."""

import ctypes
import os
import platform
from functools import cache
from typing import Final

# Of <malloc.h>.
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
_MOST_KEPT: Final = 2**30
# The largest that glibc takes.
_MMAP_THRESHOLD: Final = 2**25
_VARIABLES: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> None:
    """Lets this process keep up to 1 GiB that it frees, instead of giving it back.

    Otherwise glibc returns large tensors to the system and asks for them again a moment later, and
    the system clears them page by page; docs/training-speed.md says what that costs. Does nothing
    with another C library, or where the user has set glibc's thresholds by environment variables.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _VARIABLES):
        return
    library = ctypes.CDLL(None)
    library.mallopt(M_MMAP_THRESHOLD, _MMAP_THRESHOLD)
    library.mallopt(M_TRIM_THRESHOLD, _MOST_KEPT)
