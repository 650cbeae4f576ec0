"""Proxy training: a short training whose validation accuracy stands for that of a long one."""

from collections.abc import Callable
from dataclasses import dataclass

from bnas.architecture import Architecture
from bnas.cost import Totals, ledger
from bnas.data import Facts
from bnas.errors import InvalidConfiguration
from bnas.evaluation.definition import EvaluatorDefinition
from bnas.search.port import Checkpoint, Evaluation, Progress
from bnas.search.settings import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTraining:
    """Implements `bnas.search.Evaluator`; small and picklable, so that any worker can run it.

    Attributes:
        definition: complete settings; whoever holds them can build the same evaluator again.
        facts: image size, channels and classes of the data.
        device: where to train.
    """

    definition: EvaluatorDefinition
    facts: Facts
    device: Device = "cpu"

    def check_device(self) -> None:
        """Refuse a device that this process does not have.

        Raises:
            InvalidConfiguration: There is no CUDA device.
        """
        check_device(self.device)

    @property
    def epochs(self) -> int:
        """Epochs of a complete evaluation."""
        return self.definition.epochs

    def cost(self, architecture: Architecture) -> Totals:
        """Exact cost on images of this evaluator's data."""
        return ledger(
            architecture,
            image_size=self.facts.image_size,
            num_classes=self.facts.num_classes,
            in_channels=self.facts.in_channels,
        ).totals

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        """Train the architecture, and score it on the validation split.

        The same seed on the same machine with the same number of threads gives the same result to
        the last bit on a CPU, gone on from a checkpoint or not. Global random state and the number
        of threads are left as they were.

        Raises:
            EvaluationFailed: training diverged, or memory ran out.
            InvalidData: the data changed or vanished since this evaluator was built.
        """
        from bnas.evaluation.trial import train_and_score

        return train_and_score(
            self.definition,
            self.facts,
            architecture,
            device=self.device,
            seed=seed,
            report=report,
            checkpoint=checkpoint,
        )


def check_device(device: Device) -> None:
    """Refuse a device that this process does not have.

    Raises:
        InvalidConfiguration: There is no CUDA device.
    """
    if device == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise InvalidConfiguration(
            "device 'cuda' needs a CUDA device that PyTorch can use, but there is none; "
            "use device 'cpu'"
        )
