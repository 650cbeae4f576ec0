"""A Ray cluster for the time of a search: a private one on this machine, or one by its address."""

import logging
import math
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import ray
from ray.exceptions import RayError

from bnas.errors import InvalidConfiguration, RunError
from bnas.search.scratch import scratch_folder
from bnas.search.settings import SearchSettings


@contextmanager
def cluster(settings: SearchSettings, *, threads: int = 1) -> Iterator[Path]:
    """Connects to Ray, and yields a scratch folder that lives as long as the connection.

    A Ray that this process is connected to already is used, and left as it is.

    Raises:
        RunError: No cluster answers at the address.
    """
    with scratch_folder() as scratch:
        if ray.is_initialized():
            yield scratch
            return
        with _silent():
            _connect(settings, scratch, threads)
            try:
                yield scratch
            finally:
                ray.shutdown()


def resources_per_trial(settings: SearchSettings, *, threads: int = 1) -> dict[str, float]:
    """A CPU for each thread, and on cuda the share of a GPU that the settings say.

    Where they say none, it is as large as lets all workers run at once.

    Raises:
        InvalidConfiguration: The device is cuda and the cluster has no GPU.
    """
    if settings.device == "cpu":
        return {"cpu": threads}
    num_gpus = int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    if num_gpus == 0:
        raise InvalidConfiguration(
            "device cuda needs a GPU that Ray can see, but it sees none; "
            "use device cpu, or check the driver and CUDA_VISIBLE_DEVICES"
        )
    share = settings.gpus_per_trial or 1 / math.ceil(settings.workers / num_gpus)
    return {"cpu": threads, "gpu": share}


def _connect(settings: SearchSettings, scratch: Path, threads: int) -> None:
    init = partial(ray.init, log_to_driver=False, logging_level=logging.CRITICAL)
    if settings.address is None:
        num_cpus = settings.workers * threads
        init(num_cpus=num_cpus, include_dashboard=False, _temp_dir=str(scratch))
        return
    try:
        _knock(settings.address)
        init(address=settings.address)
    except (OSError, ValueError, RuntimeError, RayError) as error:
        raise RunError(
            f"a Ray cluster must answer at {settings.address}, but {error}; "
            "start one with `ray start --head` or correct the address, and set RAY_AUTH_MODE and "
            "RAY_AUTH_TOKEN here as they are there"
        ) from error


def _knock(address: str) -> None:
    """Finds out in seconds that nobody is there, for which Ray takes minutes."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=5).close()


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps Ray from printing on the terminal that a worker died, which its trial records."""
    state = ray._private.worker  # noqa: SLF001 (no public switch covers this)
    before = state._worker_logs_enabled  # noqa: SLF001
    state._worker_logs_enabled = False  # noqa: SLF001
    try:
        yield
    finally:
        state._worker_logs_enabled = before  # noqa: SLF001
