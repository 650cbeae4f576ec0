"""How kernels are compiled, kept and found again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bnas.kernels import KernelsUnavailable, library


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """As in a new process, with a cache of its own."""
    library._found.cache_clear()
    monkeypatch.setenv("BNAS_CACHE", str(tmp_path / "cache"))
    yield
    library._found.cache_clear()


def replaced(tmp_path: Path, script: str) -> str:
    path = tmp_path / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_they_are_compiled_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: str
) -> None:
    calls = tmp_path / "calls"
    # Without optimisation, to be done sooner.
    wrapper = replaced(tmp_path, f'echo call >> {calls}\nexec {compiler} "$@" -O0')
    monkeypatch.setenv("CXX", wrapper)
    for _ in range(2):
        assert library.load().packs_signs() in {0, 1}
        library._found.cache_clear()
    assert calls.read_text() == "call\n"
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} == {".so", ".lock"}


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/c++")
    with pytest.raises(KernelsUnavailable, match=r"^the C\+\+ compiler '/nowhere/c\+\+' cannot be"):
        library.load()


def test_what_the_compiler_says_is_told_and_it_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    script = f"echo call >> {calls}; echo unknown architecture >&2; exit 1"
    monkeypatch.setenv("CXX", replaced(tmp_path, script))
    for _ in range(2):
        with pytest.raises(KernelsUnavailable, match=r" failed: unknown architecture$"):
            library.load()
    assert calls.read_text() == "call\n"


def test_a_damaged_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "_compiled", lambda _: b"junk")
    with pytest.raises(KernelsUnavailable, match=r"kernels-\w+\.so cannot be loaded: "):
        library.load()


PROGRAM = """
import torch
from bnas.architecture import load_design
from bnas.blocks import build
from bnas.training import Acceleration
from bnas.training.regions import accelerated
model = build(load_design("resnet20-reactnet").architecture, num_classes=10)
with accelerated(model, Acceleration(compile="none"), operations=1e20) as found:
    model(torch.randn(2, 3, 8, 8)).sum().backward()
print(found.problem)
"""


def test_without_a_compiler_training_goes_on_and_the_reason_is_said(tmp_path: Path) -> None:
    environment = os.environ | {"CXX": "/nowhere/c++", "BNAS_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("units are trained without C++ kernels: the C++ compiler ")


def test_a_folder_that_cannot_be_written_costs_the_time_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BNAS_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("CXX", replaced(tmp_path, f'exec {compiler} "$@" -O0'))
    assert library.load().packs_signs() in {0, 1}
