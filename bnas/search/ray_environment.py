"""Environment variables that Ray reads: to be set before Ray is imported, for the time of a search.

This module imports nothing of Ray.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from bnas.search.settings import SearchSettings

_ALWAYS: Final[Mapping[str, str]] = {
    # Nothing is sent to Ray's makers.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's result files cost half a second a trial and hold nothing that the study does not.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Its state is never restored, so it need not be saved every few seconds.
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    # Signals are the search's.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # Of Ray's two kinds of terminal output, the older one can be switched off.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Leaves CUDA_VISIBLE_DEVICES alone in workers without a GPU, and does not warn of it.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

_PRIVATE_CLUSTER: Final[Mapping[str, str]] = {
    # A cluster of one machine: every port is opened on the loopback interface alone. Asking for
    # 127.0.0.1 by `_node_ip_address` does not do that, Ray replaces it by the machine's address.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


@contextmanager
def ray_environment(settings: SearchSettings) -> Iterator[None]:
    """Sets what the user has not set, and unsets it at the end."""
    # All workers start together. Ray by itself lets one trial wait at a time and gives it the first
    # worker that is free: with short trials, a second worker would never come up.
    wanted = {**_ALWAYS, "TUNE_MAX_PENDING_TRIALS_PG": str(settings.workers)}
    if settings.address is None:
        wanted |= _PRIVATE_CLUSTER
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
