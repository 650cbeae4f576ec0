"""A real evaluator that writes down what it does, and that can be told to die."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnas.architecture import Architecture, digest
from bnas.cost import Totals
from bnas.evaluation import EvaluatorDefinition, ProxyTraining, load_evaluator
from bnas.search import Checkpoint, Evaluation, Progress
from bnas.search.engine import Summary, run_search
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.space import SearchSpace


def quick(epochs: int = 4) -> EvaluatorDefinition:
    """Short trainings on the digits."""
    return load_evaluator("digits").model_copy(update={"epochs": epochs, "rungs": None})


@dataclass(frozen=True)
class Watched:
    """Proxy training with a log of a line for each epoch that was reported.

    Attributes:
        inner: What really evaluates.
        log: Where to write: digest, epoch, seconds and process.
        deadly: Digest of the design that ends its process, as `kill -9` does, ...
        after: ... when this epoch has ended and its state is kept, ...
        always: ... each time instead of once.
    """

    inner: ProxyTraining
    log: Path
    deadly: str | None = None
    after: int = 2
    always: bool = False

    @property
    def epochs(self) -> int:
        return self.inner.epochs

    def cost(self, architecture: Architecture) -> Totals:
        return self.inner.cost(architecture)

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        name = digest(architecture)

        def report_and_log(progress: Progress) -> bool:
            self._note(name, progress)
            if progress.epoch > self.after:
                self._die(name)
            return report(progress)

        return self.inner.evaluate(
            architecture, seed=seed, report=report_and_log, checkpoint=checkpoint
        )

    def _note(self, name: str, progress: Progress) -> None:
        line = json.dumps([name, progress.epoch, progress.seconds, os.getpid()])
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def _die(self, name: str) -> None:
        flag = self.log.with_suffix(".died")
        if name == self.deadly and (self.always or not flag.exists()):
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def searched(
    folder: Path, space: SearchSpace, build: Any, **settings: Any
) -> tuple[Summary, dict[str, Evaluation | None], Study]:
    """Searches with checkpoints, and gives what was found by digest."""
    values = SearchSettings.model_validate(
        {"sampler": "random", "trials": 8, "checkpoint_s": 0.0, **settings}
    )
    study = Study.create(folder / "study.journal", values.objectives)
    evaluator = quick().build()
    summary = run_search(
        study,
        settings=values,
        space=space,
        cost=evaluator.cost,
        evaluator=build,
        checkpoints=folder / "checkpoints",
    )
    found = {r.digest: r.evaluation for r in study.records() if r.outcome == "finished"}
    return summary, found, study


def trained_epochs(log: Path) -> dict[str, list[int]]:
    """The epochs of each design that were really trained; one gone on from is reported again."""
    seen: dict[str, dict[tuple[int, float], None]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        name, epoch, seconds, _ = json.loads(line)
        # The time of an epoch that is only repeated is the time that it took.
        seen.setdefault(name, {})[epoch, seconds] = None
    return {name: [epoch for epoch, _ in epochs] for name, epochs in seen.items()}


def build(log: Path, deadly: str | None = None, after: int = 2, *, always: bool = False) -> Watched:
    """For workers: a module-level function, as what is sent to them has to be."""
    inner = quick().build()
    return Watched(inner=inner, log=log, deadly=deadly, after=after, always=always)
