"""One trial of proxy training, inside a process that has torch."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn

from bnas.architecture import Architecture, scaled
from bnas.cost import ledger
from bnas.data import Facts
from bnas.data.loading import load_search_data
from bnas.data.memory import SearchData
from bnas.errors import InvalidData
from bnas.evaluation.definition import EvaluatorDefinition
from bnas.evaluation.keeper import Keeper, identity
from bnas.evaluation.teachers import teacher_for
from bnas.search.port import Checkpoint, Evaluation, Progress
from bnas.search.settings import Device
from bnas.training import course
from bnas.training.loop import Training, diverged, score, train
from bnas.training.regions import InForce, accelerated


def train_and_score(
    definition: EvaluatorDefinition,
    facts: Facts,
    architecture: Architecture,
    *,
    device: Device,
    seed: int,
    report: Callable[[Progress], bool],
    checkpoint: Checkpoint | None = None,
) -> Evaluation:
    """See `ProxyTraining.evaluate`."""
    began = time.perf_counter()
    data = load_data(definition, facts, device)
    with using_threads(definition.threads):
        trained = scaled(architecture, definition.width_factor)
        training = course.begin(
            trained, definition.recipe, facts=data.facts, seed=seed, device=device
        )
        keeper = None
        if checkpoint is not None:
            keeper = Keeper(checkpoint, trial=identity(definition, architecture, seed))
        teacher = teacher_for(definition, trained, data.train, facts=data.facts, device=device)
        operations = len(data.train) * definition.epochs * _elementwise(trained, facts)
        with accelerated(
            training.networks, definition.acceleration, operations=operations, device=device
        ) as in_force:
            epochs = _epochs(definition, data, training, keeper, began, teacher=teacher)
            for progress in noted(epochs, in_force):
                if not report(progress):
                    break
    return Evaluation(
        accuracy=progress.accuracy,
        loss=progress.loss,
        epochs=progress.epoch,
        seconds=progress.seconds,
    )


def _epochs(
    definition: EvaluatorDefinition,
    data: SearchData,
    training: Training,
    keeper: Keeper | None,
    began: float,
    *,
    teacher: nn.Module | None,
) -> Iterator[Progress]:
    """The epochs of a kept state again, then those that are trained now."""
    done, note = keeper.load(training) if keeper is not None else ([], None)
    yield from (replace(progress, replayed=True) for progress in done)
    began -= done[-1].seconds if done else 0.0
    recipe = definition.recipe
    for result in train(training, data.train, recipe, epochs=definition.epochs, teacher=teacher):
        scored = score(training.network, data.validation)
        if not math.isfinite(scored.loss):
            raise diverged("validation", scored.loss, f"after epoch {result.epoch}", recipe)
        done.append(
            Progress(
                epoch=result.epoch,
                accuracy=scored.accuracy,
                loss=scored.loss,
                seconds=time.perf_counter() - began,
            )
        )
        yield replace(done[-1], note=note)
        note = None
        # Only of a trial that is to go on: after its last epoch, nothing is left to be lost.
        if keeper is not None and training.epoch < definition.epochs:
            keeper.save(training, done)


def noted(epochs: Iterator[Progress], in_force: InForce) -> Iterator[Progress]:
    """Adds why it is not as fast as it could be, once."""
    told = None
    for progress in epochs:
        if in_force.problem == told:
            yield progress
            continue
        told = in_force.problem
        yield replace(progress, note="; ".join(filter(None, (progress.note, told))))


def _elementwise(architecture: Architecture, facts: Facts) -> int:
    """Operations of one image that are no part of a convolution."""
    priced = ledger(
        architecture,
        image_size=facts.image_size,
        num_classes=facts.num_classes,
        in_channels=facts.in_channels,
    )
    return priced.totals.elementwise


@contextmanager
def using_threads(number: int) -> Iterator[None]:
    """Give the trial its threads, and afterwards the process those it had."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def load_data(definition: EvaluatorDefinition, facts: Facts, device: Device) -> SearchData:
    """The images of an evaluator, the last ones from memory.

    Raises:
        InvalidData: They changed or vanished since the evaluator was built.
    """
    data = load_search_data(definition.images, device=device)
    if data.facts != facts:
        raise InvalidData(
            f"{definition.data}: the data must stay as they were when the search began, {facts}, "
            f"but are {data.facts}; begin a new run"
        )
    return data
