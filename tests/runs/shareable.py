"""An evaluator that several processes can share, as workers import it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.cost import Totals
from bnas.evaluation import EvaluatorDefinition, ProxyTraining
from bnas.search.port import Checkpoint, Evaluation, Progress

UNIT = Unit(nonlinearity="prelu", placement="after-addition")
DESIGN = Architecture(
    skeleton="resnet", stem=Stem(width=8), stages=(Stage(depth=1, width=8, unit=UNIT),)
)


@dataclass(frozen=True)
class Noting:
    """Proxy training that writes to a folder: its process, and the losses of its epochs."""

    training: ProxyTraining
    folder: Path

    @property
    def epochs(self) -> int:
        return self.training.epochs

    def cost(self, architecture: Architecture) -> Totals:
        return self.training.cost(architecture)

    def elsewhere(self, folder: Path) -> "Noting":
        return replace(self, folder=folder)

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        (self.folder / "pid").write_text(str(os.getpid()))

        def note(progress: Progress) -> bool:
            with (self.folder / "losses").open("a") as file:
                file.write(f"{progress.epoch} {progress.loss}\n")
            return report(progress)

        return self.training.evaluate(architecture, seed=seed, report=note, checkpoint=checkpoint)


def training(epochs: int, **recipe: object) -> ProxyTraining:
    """Proxy training on the digits."""
    form = {"optimizer": "adam", "learning_rate": 0.01, "schedule": "cosine", "batch_size": 64}
    settings = {
        "name": "quick",
        "description": "A test",
        "data": "digits",
        "epochs": epochs,
        "recipe": form | recipe,
    }
    return EvaluatorDefinition.model_validate(settings).build()
