"""A Ray cluster for the time of a search: a private one on this machine, or one by its address."""

import logging
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import ray

from bnas.errors import InvalidConfiguration, RunError
from bnas.search.settings import SearchSettings

# The sockets in Ray's folder have names of up to 107 bytes, of which Ray uses about 80.
_LONGEST_SCRATCH: Final = 25

_ENVIRONMENT: Final[Mapping[str, str]] = {
    # Nothing leaves the machine.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's result files cost half a second a trial and hold nothing that the study does not.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Its state is never restored, so it need not be saved every few seconds.
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    # Signals are the search's.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # The older of two kinds of terminal output is the one that can be switched off.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Leaves CUDA_VISIBLE_DEVICES alone in workers without a GPU, and says nothing about it.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@contextmanager
def cluster(settings: SearchSettings) -> Iterator[Path]:
    """Connects to Ray, and yields a scratch folder that lives as long as the connection.

    A Ray that this process is connected to already is used and left as it is.

    Raises:
        RunError: No cluster answers at the address.
    """
    # All workers start together. Ray by itself lets one trial wait at a time, and gives it the
    # first worker that is free: with short trials a second worker would never come up.
    pending = {"TUNE_MAX_PENDING_TRIALS_PG": str(settings.workers)}
    with _environment({**_ENVIRONMENT, **pending}), _scratch() as scratch:
        if ray.is_initialized():
            yield scratch
            return
        _connect(settings, scratch)
        try:
            yield scratch
        finally:
            ray.shutdown()


def resources_per_trial(settings: SearchSettings) -> dict[str, float]:
    """One CPU, and on cuda as large a share of a GPU as lets all workers run at once.

    Raises:
        InvalidConfiguration: The device is cuda and the cluster has no GPU.
    """
    if settings.device == "cpu":
        return {"cpu": 1}
    num_gpus = int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    if num_gpus == 0:
        raise InvalidConfiguration(
            "device cuda needs a GPU that Ray can see, but it sees none; "
            "use device cpu, or check the driver and CUDA_VISIBLE_DEVICES"
        )
    return {"cpu": 1, "gpu": 1 / math.ceil(settings.workers / num_gpus)}


def _connect(settings: SearchSettings, scratch: Path) -> None:
    quiet = partial(ray.init, log_to_driver=False, logging_level=logging.CRITICAL)
    if settings.address is None:
        quiet(
            num_cpus=settings.workers,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(scratch),
        )
        return
    try:
        quiet(address=settings.address)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise RunError(
            f"a Ray cluster must answer at {settings.address}, but {error}; "
            "start one with `ray start --head`, or correct the address"
        ) from error


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables that the user has not set, for a while."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _scratch() -> Iterator[Path]:
    parent = tempfile.gettempdir()
    if len(parent) > _LONGEST_SCRATCH and Path("/tmp").is_dir():  # noqa: S108 (mkdtemp is private)
        parent = "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="bnas-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
