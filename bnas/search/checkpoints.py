"""Where unfinished trials keep their state: one folder a trial, gone when the trial has ended."""

import contextlib
import shutil
from collections.abc import Container
from pathlib import Path

from bnas.search.events import Ended, Event
from bnas.search.port import Checkpoint


class Checkpoints:
    """The checkpoints of one search; a listener, so that they go with their trials.

    There are never more than trials that run, and each holds the latest state of its trial alone.
    """

    def __init__(self, folder: Path, *, interval_s: float) -> None:
        """Makes the folder.

        Args:
            folder: Where each trial has its folder, by its number.
            interval_s: Least seconds between two writes of one trial.
        """
        folder.mkdir(exist_ok=True)
        # Workers have another working directory.
        self._folder = folder.resolve()
        self._interval_s = interval_s

    def of(self, number: int) -> Checkpoint:
        """Where one trial keeps its state; there may be one from before an interruption."""
        return Checkpoint(folder=self._folder / str(number), interval_s=self._interval_s)

    def keep_only(self, numbers: Container[int]) -> None:
        """Removes what a killed search left of trials that have ended."""
        for folder in self._folder.iterdir():
            if not (folder.name.isdecimal() and int(folder.name) in numbers):
                shutil.rmtree(folder, ignore_errors=True)

    def __call__(self, event: Event) -> None:
        """Removes the checkpoint of a trial that has ended."""
        if isinstance(event, Ended):
            self.remove(event.record.number)

    def remove(self, number: int) -> None:
        """Removes the checkpoint of one trial, if there is one."""
        shutil.rmtree(self._folder / str(number), ignore_errors=True)

    def close(self) -> None:
        """Removes the folder if no trial was left unfinished."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()
