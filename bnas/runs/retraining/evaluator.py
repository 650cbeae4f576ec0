"""Final training as an evaluator: on training and validation images, tested once at the end."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bnas.architecture import Architecture, digest
from bnas.cost import Totals
from bnas.evaluation import ProxyTraining
from bnas.search.port import Checkpoint, Evaluation, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalTraining:
    """Implements `bnas.search.Evaluator`; small and picklable, so that any worker can run it.

    Attributes:
        training: How to train, on which data and device; its validation split is trained on.
        networks: Absolute path of the folder where trained networks are written, each into a
            folder of its own; every worker must see it.
        names: What designs are called, by digest; another one is called by its digest.
    """

    training: ProxyTraining
    networks: Path
    names: dict[str, str]

    @property
    def teachers(self) -> Path:
        """Where twins that teach are kept until all trainings are done."""
        return self.networks.parent / "teachers"

    def __call__(self) -> "FinalTraining":
        """Itself: an engine builds the evaluator in every worker."""
        return self

    @property
    def epochs(self) -> int:
        """Epochs of a complete training."""
        return self.training.epochs

    def cost(self, architecture: Architecture) -> Totals:
        """Exact cost on images of the data."""
        return self.training.cost(architecture)

    def elsewhere(self, folder: Path) -> "FinalTraining":
        """The same, which writes networks to another folder: see `bnas.runs.sharing.Shareable`."""
        return replace(self, networks=folder)

    def network_folder(self, architecture: Architecture, seed: int) -> Path:
        """Where a trained network is written, with the curve of its training."""
        return self.networks / folder_name(digest(architecture), seed)

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        """Trains the architecture, writes its network, and scores it on the test split.

        What is reported after an epoch has the training loss; there is nothing that its accuracy
        could be measured on, which is NaN. As of proxy training, the same seed gives the same
        network to the last bit on a CPU, gone on from a checkpoint or not.

        Raises:
            EvaluationFailed: Training diverged.
            InvalidData: The data changed or vanished since this evaluator was built.
            RunError: The network or its curve cannot be written.
        """
        from bnas.runs.retraining.final import train_and_test

        return train_and_test(self, architecture, seed=seed, report=report, checkpoint=checkpoint)


def folder_name(digest: str, seed: int) -> str:
    """Name of a trained network's folder."""
    return f"{digest}-seed{seed}"
