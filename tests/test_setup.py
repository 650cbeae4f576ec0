"""What a newcomer types: make targets, and the versions they install."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def make(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, also where a make target runs this test."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def targets(repository: Path) -> set[str]:
    makefile = (repository / "Makefile").read_text()
    return set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_command_of_a_document_is_a_target(document: str, repository: Path) -> None:
    text = (repository / document).read_text()
    commands = set(re.findall(r"^\s*make ([a-z-]+)|`make ([a-z-]+)", text, flags=re.MULTILINE))
    named = {first or second for first, second in commands}
    assert named, f"{document} names no make command"
    assert named <= targets(repository)


def test_make_help_lists_the_commands_of_a_user(repository: Path) -> None:
    done = make(repository, "help")
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert {"setup", "search", "test", "check", "format", "bench", "clean"} <= listed


def test_setup_refuses_an_old_python(repository: Path, tmp_path: Path) -> None:
    python = tmp_path / "python3.9"
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\n')
    python.chmod(0o755)
    done = make(repository, "setup", f"PYTHON={python}", f"VENV={tmp_path}/venv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        f"error: bnas needs Python 3.11 or newer, but {python} is Python 3.9.2; "
        "install one and run: make PYTHON=python3.11 setup"
    )
    assert not (tmp_path / "venv").exists()


def test_constraints_pin_exactly_the_direct_requirements(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    asked = {canonicalize_name(Requirement(line).name) for group in groups for line in group}
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert {canonicalize_name(pin.name) for pin in pins} == asked
    assert [str(pin) for pin in pins if not re.fullmatch(r"==[\w.]+", str(pin.specifier))] == []
    assert pins[0].name == "torch"
