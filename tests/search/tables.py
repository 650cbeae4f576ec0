"""Evaluators that look accuracy up instead of training, and a small space to search."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from bnas.architecture import Architecture, digest
from bnas.cost import Totals, ledger
from bnas.errors import EvaluationFailed
from bnas.search.engine import Summary
from bnas.search.port import Checkpoint, Evaluation, Progress
from bnas.search.study import Study

EIGHT_NETWORKS = """
name: eight
description: Eight networks
skeleton: resnet
stages:
  - {stride: 1, widen: 1}
choices:
  width: [8, 16]
  depth: [1, 2]
  threshold: [fixed, learnable]
first_candidates:
  - {name: small}
  - {name: large, choices: {width: 16, depth: 2}}
"""

MANY_NETWORKS = """
name: many
description: About five thousand networks
skeleton: resnet
stages:
  - {stride: 1, widen: 1}
  - {stride: 2, widen: 2}
  - {stride: 2, widen: 2}
choices:
  width: [8, 16, 24, 32, 48, 64]
  depth: {scope: stage, options: [1, 2, 3, 4, 6]}
  threshold: [fixed, learnable]
  nonlinearity: [none, prelu, rprelu]
"""

FULL_EPOCHS = 2

# What the fixture `search` gives: searches a space, with a table, under settings by name.
Search: TypeAlias = Callable[..., tuple[Summary, Study]]


def cost(architecture: Architecture) -> Totals:
    return ledger(architecture, image_size=8, num_classes=10, in_channels=1).totals


def accuracy(architecture: Architecture) -> float:
    """Larger is better with diminishing returns; a learnable threshold adds a little."""
    learnable = architecture.stages[0].unit.threshold == "learnable"
    size: float = cost(architecture).ops
    bonus = 0.01 * learnable
    score: float = 1 - 1 / (1 + size**0.3 / 20) + bonus
    return score


@dataclass
class Table:
    """An evaluator in memory that remembers what it was asked for.

    Attributes:
        failing: Digests of architectures whose evaluation diverges.
        scores: Accuracy by digest where it is not that of `accuracy`.
        score: Accuracy of all others.
        before_each: Called at the start of each evaluation with the digest.
        epoch_s: Seconds of an epoch.
    """

    failing: frozenset[str] = frozenset()
    scores: dict[str, float] = field(default_factory=dict)
    score: Callable[[Architecture], float] = accuracy
    before_each: Callable[[str], None] | None = None
    epoch_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        return FULL_EPOCHS

    def cost(self, architecture: Architecture) -> Totals:
        return cost(architecture)

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        del seed, checkpoint
        name = digest(architecture)
        self.asked.append(name)
        if self.before_each is not None:
            self.before_each(name)
        if name in self.failing:
            raise EvaluationFailed("the loss must stay finite, but it is nan")
        score = self.scores.get(name, self.score(architecture))
        epoch = 0
        for epoch in range(1, FULL_EPOCHS + 1):
            time.sleep(self.epoch_s)
            if not report(Progress(epoch=epoch, accuracy=score, loss=1.0, seconds=0.0)):
                break
        return Evaluation(accuracy=score, loss=1.0, epochs=epoch, seconds=0.5)


def smaller_is_better(architecture: Architecture) -> float:
    """Then one design dominates all others."""
    return 1 - accuracy(architecture)


def table_of_small_winners() -> Table:
    return Table(score=smaller_is_better)


def slow_table(epoch_s: float, failing: frozenset[str]) -> Table:
    """For workers: a module-level function, as what is sent to them has to be."""
    return Table(epoch_s=epoch_s, failing=failing)


def table_that_kills_its_worker_once(flag: Path) -> Table:
    """Its first evaluation ends the process it runs in as `kill -9` does."""

    def kill_once(_: str) -> None:
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return Table(before_each=kill_once)


def table_that_kills_for(digest_: str) -> Table:
    """Every evaluation of one architecture ends the process it runs in."""

    def kill(asked: str) -> None:
        if asked == digest_:
            os.kill(os.getpid(), signal.SIGKILL)

    return Table(before_each=kill)


def no_table() -> Table:
    raise FileNotFoundError("data.npz is missing")
