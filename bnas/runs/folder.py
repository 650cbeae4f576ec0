"""A run folder: what lies where, and who may write it."""

import contextlib
import fcntl
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bnas.architecture import Design, load_design
from bnas.errors import RunError
from bnas.runs.files import writing

RESULTS_DIR: Final = Path("results") / "runs"
_SHORTEST_PREFIX: Final = 4
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunFolder:
    """Paths of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.resolve().name

    @property
    def reference(self) -> str:
        """What finds it: its name in the default folder of runs, elsewhere its path."""
        return self.path.name if self.path.parent == RESULTS_DIR else str(self.path)

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, git state, hardware and seed."""
        return self.path / "environment.json"

    @property
    def study(self) -> Path:
        """Optuna's record of all trials."""
        return self.path / "study.journal"

    @property
    def trials(self) -> Path:
        """One row a trial."""
        return self.path / "trials.csv"

    @property
    def front(self) -> Path:
        """The front."""
        return self.path / "front.json"

    @property
    def architectures(self) -> Path:
        """One file an architecture, named by its digest."""
        return self.path / "architectures"

    @property
    def checkpoints(self) -> Path:
        """The state of unfinished trials, one folder each; gone when all have ended."""
        return self.path / "checkpoints"

    @property
    def repeats(self) -> Path:
        """One row for each repeated evaluation of a design."""
        return self.path / "repeats.csv"

    @property
    def repeat_checkpoints(self) -> Path:
        """The state of unfinished repetitions, one folder each; gone when all have ended."""
        return self.path / "repeat-checkpoints"

    @property
    def fidelity(self) -> Path:
        """One row for each training and score of a measurement of proxies; a search has none."""
        return self.path / "fidelity.csv"

    @property
    def fidelity_report(self) -> Path:
        """What they come to."""
        return self.path / "fidelity.json"

    @property
    def retrained(self) -> Path:
        """One row for each design and seed of a retraining; a search has none."""
        return self.path / "retrained.csv"

    @property
    def is_retraining(self) -> bool:
        """Whether this is the run of a retraining, and not of a search."""
        return self.retrained.is_file()

    @property
    def networks(self) -> Path:
        """The trained networks of a retraining, one folder each."""
        return self.path / "networks"

    @property
    def plots(self) -> Path:
        """Pictures of the front."""
        return self.path / "plots"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from searching in this folder.

        The lock goes with the process, however it ends.

        Raises:
            RunError: Another process has the lock.
        """
        path = self.path / ".lock"
        with writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"one process at a time may search in a run folder, but another one is at "
                    f"work in {self.path}; wait for it or stop it"
                ) from None
            yield
        finally:
            os.close(descriptor)

    def design(self, digest: str) -> Design:
        """The design of a trial by its digest or a beginning of it that no other shares.

        Raises:
            RunError: No design of the run has this digest, or several have.
        """
        found = sorted(self.architectures.glob(f"{_hex(digest)}*.json"))
        if len(found) != 1:
            problem = "no design begins so" if not found else f"{len(found)} designs begin so"
            raise RunError(
                f"RUN/DIGEST is a digest of the run or a unique beginning of one, but in "
                f"{self.path} with {digest!r} {problem}; see `bnas front {self.path}`"
            )
        return load_design(found[0])


def create(results_dir: Path, name: str | None, *, default: str) -> RunFolder:
    """Makes an empty run folder.

    Args:
        results_dir: The folder of all runs.
        name: The run's name; None takes `default` with the next free number.
        default: Beginning of a name that is made up; what a name may not have becomes "-".

    Raises:
        RunError: The name is not allowed or taken, or the folder cannot be made.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise RunError(
            "a run's name is up to 100 letters, digits, '.', '_' and '-', beginning with a letter "
            f"or digit, but got {name!r}; choose another, and its place with --results-dir"
        )
    with writing(results_dir):
        results_dir.mkdir(parents=True, exist_ok=True)
        if name is not None:
            return _new(results_dir / name)
        allowed = re.sub(r"[^A-Za-z0-9._-]+", "-", default).lstrip("._-")[:90] or "run"
        for number in itertools.count(1):
            with contextlib.suppress(RunError):
                return _new(results_dir / f"{allowed}-{number}")
    raise AssertionError("unreachable")


def _new(path: Path) -> RunFolder:
    try:
        path.mkdir()
    except FileExistsError:
        raise RunError(
            f"a new run needs a new name, but {path} exists; choose another name, or go on with "
            f"`bnas resume {path}`"
        ) from None
    return RunFolder(path)


def find(results_dir: Path, run: str) -> RunFolder:
    """The folder of an existing run.

    Args:
        results_dir: The folder of all runs.
        run: A name in it, or a path.

    Raises:
        RunError: There is no such run, or the folder is not one.
    """
    named, path = results_dir / run, Path(run)
    for candidate in (named, path):
        if (candidate / "config.yaml").is_file():
            return RunFolder(candidate)
    for candidate in (named, path):
        if candidate.is_dir():
            raise RunError(
                f"a run folder holds a config.yaml, but {candidate} has none; restore it from a "
                "copy, or name another run"
            )
    known = sorted(p.parent.name for p in results_dir.glob("*/config.yaml"))
    listed = ", ".join(known[-10:]) or "none"
    raise RunError(
        f"RUN is a name under {results_dir} or a path, but there is no {run!r}; "
        f"runs there: {listed}"
    )


def _hex(digest: str) -> str:
    if len(digest) < _SHORTEST_PREFIX or set(digest) - set("0123456789abcdef"):
        raise RunError(
            f"a digest is {_SHORTEST_PREFIX} to 12 hex digits (0-9, a-f), but got {digest!r}; "
            "copy one from `bnas front RUN`"
        )
    return digest
