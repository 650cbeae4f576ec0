"""Keeps the state of one trial in its checkpoint, and finds there what an interruption left."""

import contextlib
import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Final

from bnas.architecture import Architecture, digest
from bnas.evaluation.definition import EvaluatorDefinition
from bnas.search.port import Checkpoint, Progress
from bnas.training import checkpoints
from bnas.training.loop import Training

_FILE: Final = "state.pt"
# They change neither what is trained nor how, but for the last bits; a trial may go on elsewhere.
_IRRELEVANT: Final[dict[str, Any]] = {
    **dict.fromkeys(("kind", "name", "description", "device", "threads", "rungs"), True),
    "acceleration": {"compile", "kernels", "plain"},
}


class Keeper:
    """The state of one trial: its training, and what it has reported."""

    def __init__(self, checkpoint: Checkpoint, *, trial: str) -> None:
        """Begins to keep.

        Args:
            checkpoint: Where, and how often.
            trial: What is trained, see `identity`; a state of something else is not gone on from.
        """
        self._path = checkpoint.folder / _FILE
        self._interval_s = checkpoint.interval_s
        self._trial = trial
        self._last = time.monotonic()

    def load(self, training: Training) -> tuple[list[Progress], str | None]:
        """Puts a freshly begun training where an interrupted one was.

        Returns:
            What was reported up to there, nothing if the training begins anew; and what there is
            to say about that.
        """
        try:
            saved = checkpoints.read(self._path)
        except FileNotFoundError:
            return [], None
        except OSError as error:
            return [], self._anew(f"cannot be read ({error.strerror})")
        if saved is None:
            return [], self._anew("is damaged")
        if saved.get("trial") != self._trial:
            return [], self._anew("is that of another evaluator or seed")
        checkpoints.restore(training, saved["training"])
        return [Progress(**values) for values in saved["progress"]], None

    def save(self, training: Training, progress: Iterable[Progress]) -> None:
        """Writes the state if the last time is long enough ago.

        A disk that is full or gone costs the checkpoint, not the trial.
        """
        if time.monotonic() - self._last < self._interval_s or not self._has_place():
            return
        value = {
            "trial": self._trial,
            "training": checkpoints.state(training),
            "progress": [asdict(epoch) for epoch in progress],
        }
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(exist_ok=True)
            checkpoints.write(self._path, value)
        self._last = time.monotonic()

    def _has_place(self) -> bool:
        return self._path.parent.parent.is_dir()

    def _anew(self, problem: str) -> str:
        return f"the checkpoint {self._path} {problem}; its trial begins anew"


def identity(definition: EvaluatorDefinition, architecture: Architecture, seed: int) -> str:
    """A digest of everything that decides how a training goes."""
    settings = definition.model_dump(mode="json", exclude=_IRRELEVANT)
    text = json.dumps([settings, digest(architecture), seed], sort_keys=True)
    return sha256(text.encode()).hexdigest()
