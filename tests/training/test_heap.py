"""What glibc is told of freed memory, and when it is left alone."""

import ctypes
import platform
from collections.abc import Iterator

import pytest

from bnas.training.heap import M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, keep_freed_memory


class Library:
    """Stands for the C library, and notes what it is told."""

    def __init__(self) -> None:
        self.told: dict[int, int] = {}

    def mallopt(self, parameter: int, value: int) -> int:
        self.told[parameter] = value
        return 1


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    found = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: found)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    keep_freed_memory.cache_clear()
    yield found
    keep_freed_memory.cache_clear()


def test_freed_memory_is_kept(library: Library) -> None:
    keep_freed_memory()
    assert library.told == {M_MMAP_THRESHOLD: 2**25, M_TRIM_THRESHOLD: 2**30}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
def test_glibc_takes_the_thresholds() -> None:
    glibc = ctypes.CDLL(None)
    assert glibc.mallopt(M_MMAP_THRESHOLD, 2**25) == 1
    assert glibc.mallopt(M_TRIM_THRESHOLD, 2**30) == 1


def test_thresholds_of_the_user_are_left_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    keep_freed_memory()
    assert library.told == {}


def test_another_c_library_is_left_alone(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    keep_freed_memory()
    assert library.told == {}
