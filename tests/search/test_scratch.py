"""Scratch folders: gone at the end of a search, or of the next one if it was killed."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bnas.search.scratch import scratch_folder

KILLED = """
import os, signal
from bnas.search.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "session").mkdir()
    (folder / "session" / "log").write_text("of a search that is killed")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory of its own, with a short path as Ray needs it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)
    monkeypatch.setattr(tempfile, "tempdir", None)


def killed(parent: Path) -> Path:
    """What a killed search left."""
    before = set(parent.iterdir())
    command = [sys.executable, "-c", KILLED]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run(command, check=False, env=environment).returncode == -signal.SIGKILL
    (left,) = set(parent.iterdir()) - before
    assert (left / "session" / "log").exists()
    return left


def test_it_is_gone_at_the_end_whatever_lies_in_it(parent: Path) -> None:
    with scratch_folder() as folder:
        assert folder.parent == parent
        (folder / "session" / "deep").mkdir(parents=True)
        (folder / "latest").symlink_to(folder / "session")
        (folder / "file").touch()
    assert not list(parent.iterdir())


def test_the_next_search_removes_what_a_killed_one_left(parent: Path) -> None:
    left = killed(parent)
    with scratch_folder() as folder:
        assert list(parent.iterdir()) == [folder]
    assert not left.exists()


def test_what_a_search_left_that_was_killed_meanwhile_goes_too(parent: Path) -> None:
    with scratch_folder():
        left = killed(parent)
    assert not left.exists()


def test_one_that_is_in_use_stays(parent: Path) -> None:
    with scratch_folder() as first:
        with scratch_folder() as second:
            assert {*parent.iterdir()} == {first, second}
        assert list(parent.iterdir()) == [first]
        assert (first / "owner").exists()


def test_what_does_not_say_whose_it_is_stays(parent: Path) -> None:
    (parent / "bnas-of-somebody").mkdir()
    (parent / "bnas-file").touch()
    (parent / "bnas-link").symlink_to(killed(parent))
    elsewhere = parent / "bnas-of-another-machine"
    elsewhere.mkdir()
    (elsewhere / "owner").write_text("another machine")
    with scratch_folder():
        pass
    names = {"bnas-of-somebody", "bnas-file", "bnas-link", "bnas-of-another-machine"}
    assert {entry.name for entry in parent.iterdir()} == names


def test_without_locks_it_has_no_owner_and_works(
    parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with scratch_folder() as folder:
        assert not (folder / "owner").exists()
    assert not list(parent.iterdir())
