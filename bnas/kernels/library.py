"""Compiles the C++ files beside this one for this machine, once, and loads them."""

import ctypes
import os
import platform
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from bnas.files import alone, cache_folder, replace

_HERE: Final = Path(__file__).parent
_SOURCES: Final = tuple(sorted(map(str, _HERE.glob("*.cpp"))))
_FLAGS: Final = ("-O2", "-march=native", "-std=c++17", "-fPIC", "-shared")
_TIMEOUT_S: Final = 300


class KernelsUnavailable(Exception):
    """There are no kernels, for this reason."""


def load() -> ctypes.CDLL:
    """The kernels; compiled where no process of this machine has done it before.

    The compiler is ``$CXX``, or ``c++``. What it makes is kept in the cache folder, for this
    processor and these sources.

    Raises:
        KernelsUnavailable: The compiler is missing or fails, or its result cannot be loaded. It is
            not tried again in this process.
    """
    found = _found()
    if isinstance(found, str):
        raise KernelsUnavailable(found)
    return found


@cache
def _found() -> ctypes.CDLL | str:
    """The kernels, or why there are none."""
    command = [os.environ.get("CXX") or "c++", *_FLAGS]
    folder = cache_folder()
    try:
        if folder is None:
            return _loaded_once(_compiled(command))
        kept = folder / f"kernels-{_identity(command)}.so"
        with alone(kept):
            if not kept.exists():
                compiled = _compiled(command)
                try:
                    replace(kept, compiled)
                except OSError:
                    return _loaded_once(compiled)
        return _loaded(kept)
    except KernelsUnavailable as error:
        return str(error)


def _loaded_once(compiled: bytes) -> ctypes.CDLL:
    """For this process alone, where nothing can be kept."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "kernels.so"
        place.write_bytes(compiled)
        return _loaded(place)  # Once it is loaded, the file may vanish.


def _loaded(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise KernelsUnavailable(f"{path} cannot be loaded: {error}") from error


def _compiled(command: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        result = Path(temporary) / "kernels.so"
        try:
            done = subprocess.run(  # noqa: S603 - the user's compiler, and files of this package
                [*command, "-o", str(result), *_SOURCES],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KernelsUnavailable(
                f"the C++ compiler {command[0]!r} cannot be run: {error}"
            ) from error
        if done.returncode:
            first, *_ = [*done.stderr.strip().splitlines(), "it says nothing"]
            raise KernelsUnavailable(f"the C++ compiler {command[0]!r} failed: {first}")
        return result.read_bytes()


def _identity(command: list[str]) -> str:
    """Changes with the sources, the compiler's command and the processor's instructions."""
    sources = (path.read_text("utf-8") for path in sorted(_HERE.glob("*.[ch]pp")))
    parts = (*sources, *command, platform.machine(), _instructions())
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def _instructions() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
