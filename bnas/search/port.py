"""What a search asks of whoever scores architectures: the evaluator port.

The consumer owns the port. Evaluators implement it, the command line composes both, and a test
hands in a table.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bnas.architecture import Architecture
from bnas.cost import Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where an evaluation stands after an epoch.

    Attributes:
        epoch: Epochs done, from 1.
        accuracy: Accuracy on the validation split, in [0, 1].
        loss: Loss on the validation split.
        seconds: Wall-clock seconds spent on the evaluation, those before an interruption included.
        note: Something that the user should be told, as that a checkpoint was damaged.
        replayed: Whether it was reported before, by the evaluation that left the checkpoint; no
            matter when two are compared.
    """

    epoch: int
    accuracy: float
    loss: float
    seconds: float
    note: str | None = None
    replayed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where an evaluation may keep its state, so that it can be gone on with if it is cut short.

    The search chooses the place and removes it when the trial has ended; what lies in it is the
    evaluator's business. Two processes never evaluate the same trial at the same time.

    Attributes:
        folder: Of this trial alone, with the state in it or not there yet; to be made when the
            first state is written. Its parent exists, except on a machine of a cluster that does
            not see the run's folder, where nothing is to be kept.
        interval_s: Least seconds between two writes, and from the beginning to the first.
    """

    folder: Path
    interval_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        accuracy: Accuracy on the validation split, in [0, 1].
        loss: Loss on the validation split.
        epochs: Epochs trained; fewer than the evaluator's budget when it was asked to stop.
        seconds: Wall-clock seconds it took.
    """

    accuracy: float
    loss: float
    epochs: int
    seconds: float


class Evaluator(Protocol):
    """Scores one architecture."""

    @property
    def epochs(self) -> int:
        """Epochs of a complete evaluation."""
        ...

    def cost(self, architecture: Architecture) -> Totals:
        """Exact cost at the evaluator's image size, channels and classes, before any training."""
        ...

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        """Scores the architecture on validation data.

        Args:
            architecture: the design to score.
            seed: decides initial weights and the order of the data.
            report: told after every epoch, from the first; False asks to end the evaluation early.
                An evaluation that goes on from a checkpoint reports the epochs before it again,
                as replayed: each was found worth going on from.
            checkpoint: where to keep the state, and where that of an interrupted evaluation of the
                same trial may lie; an evaluator that takes little time may ignore it.

        Raises:
            EvaluationFailed: training diverged (NaN or inf).
        """
        ...
