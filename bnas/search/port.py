"""What a search asks of whoever scores architectures: the evaluator port.

The consumer owns the port. Evaluators implement it, the command line composes both, and a test
hands in a table.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
        seconds: Wall-clock seconds since the evaluation began.
    """

    epoch: int
    accuracy: float
    loss: float
    seconds: float


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
        self, architecture: Architecture, *, seed: int, report: Callable[[Progress], bool]
    ) -> Evaluation:
        """Scores the architecture on validation data.

        Args:
            architecture: the design to score.
            seed: decides initial weights and the order of the data.
            report: told after every epoch; False asks to end the evaluation early.

        Raises:
            EvaluationFailed: training diverged (NaN or inf).
        """
        ...
