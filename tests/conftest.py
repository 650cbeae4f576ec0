"""Settings and fixtures of all tests."""

import os

# Before anything imports torch: one thread, and none that spins while it waits.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("MPLBACKEND", "Agg")

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The same examples every time, so that a failure is the change's; no deadline, as machines differ.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's root."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def archives(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel built from that archive."""
    folder = tmp_path_factory.mktemp("archives")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, repository],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep decoded images of tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def compiler() -> str:
    """A C++ compiler, as kernels are compiled with."""
    found = shutil.which(os.environ.get("CXX") or "c++")
    if found is None:
        pytest.skip("there is no C++ compiler here")
    return found


@pytest.fixture
def untouched_global_random() -> Iterator[None]:
    """Fail the test if it moved a global random generator: Python's, NumPy's or torch's."""
    before = _global_random()
    yield
    moved = [name for name, state in _global_random().items() if before.get(name, state) != state]
    if moved:
        pytest.fail(f"nothing may touch global random state, but {', '.join(moved)} moved")


def _global_random() -> dict[str, object]:
    states: dict[str, object] = {
        "random": random.getstate(),
        "numpy.random": str(np.random.get_state(legacy=False)),  # noqa: NPY002 - what is guarded
    }
    if "torch" in sys.modules:
        import torch

        states["torch"] = torch.random.get_rng_state().tolist()
    return states
