"""An evaluator whose every evaluation is spread over several processes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bnas.architecture import Architecture
from bnas.cost import Totals
from bnas.search.port import Checkpoint, Evaluation, Evaluator, Progress
from bnas.search.ray_environment import ray_environment
from bnas.search.settings import SearchSettings


class Shareable(Evaluator, Protocol):
    """An evaluator that several processes can run together: each calls `evaluate` alike.

    It trains with `bnas.training.loop`, which shares every step; what else it does, all do.
    """

    def elsewhere(self, folder: Path) -> Evaluator:
        """The same evaluator, which writes to another folder what it writes beside checkpoints.

        The first process writes where it should; each of the others has a folder that is thrown
        away.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTraining:
    """Implements `bnas.search.Evaluator`, with Ray Train.

    The score is that of one process, but for the order in which numbers are added, see
    `bnas.training.parallel`. Checkpoints are those of one process too: a training may go on with
    another number of them. A process that dies takes the others with it; all are started again,
    and go on from the checkpoint.

    Attributes:
        evaluator: What all processes run; pickled on its way to them.
        processes: How many share a training; a batch must have as many images.
        threads: CPU threads of each.
        settings: Device and address of the cluster; with cuda, each process has a GPU.
    """

    evaluator: Shareable
    processes: int
    threads: int
    settings: SearchSettings

    def __call__(self) -> "SharedTraining":
        """Itself: an engine builds the evaluator."""
        return self

    @property
    def epochs(self) -> int:
        """Epochs of a complete evaluation."""
        return self.evaluator.epochs

    def cost(self, architecture: Architecture) -> Totals:
        """Exact cost on images of the data."""
        return self.evaluator.cost(architecture)

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        """See `Evaluator.evaluate`; a training that is to end early does so an epoch later.

        Raises:
            EvaluationFailed: Training diverged.
            InvalidConfiguration: The cluster has too few CPUs or GPUs.
            RunError: No cluster answers, or the processes died too often.
        """
        with ray_environment(self.settings):
            from bnas.runs.sharing.ray_train import evaluate_together

            return evaluate_together(
                self, architecture, seed=seed, report=report, checkpoint=checkpoint
            )
