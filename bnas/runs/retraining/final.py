"""One final training, inside a process that has torch."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from torch import nn

from bnas.architecture import Architecture, Design, digest
from bnas.blocks.unit import EAGER, Unit
from bnas.data import Facts
from bnas.data.loading import load_final_data
from bnas.data.memory import FinalData
from bnas.errors import InvalidData, RunError
from bnas.evaluation.definition import EvaluatorDefinition
from bnas.evaluation.keeper import Keeper, identity
from bnas.evaluation.teachers import teacher_for
from bnas.evaluation.trial import noted, using_threads
from bnas.export.facts import Normalisation, TestResult
from bnas.export.facts import Training as TrainingFacts
from bnas.export.weights import write_network
from bnas.runs.curves import Curve, read_curve
from bnas.runs.files import write_text, writing
from bnas.search.port import Checkpoint, Evaluation, Progress
from bnas.search.settings import Device
from bnas.training import course
from bnas.training.curve import CurvePoint
from bnas.training.diagnosis import symptoms
from bnas.training.health import Monitor, probe
from bnas.training.loop import Score, diverged, score, train
from bnas.training.recipe import Phase
from bnas.training.regions import accelerated

if TYPE_CHECKING:
    from bnas.runs.retraining.evaluator import FinalTraining

# What the curve says of known failures, in words.
WARNINGS: Final = "warnings.txt"


def train_and_test(
    final: "FinalTraining",
    architecture: Architecture,
    *,
    seed: int,
    report: Callable[[Progress], bool],
    checkpoint: Checkpoint | None = None,
) -> Evaluation:
    """See `FinalTraining.evaluate`."""
    began = time.perf_counter()
    definition = final.training.definition
    data = _data(definition, final.training.facts, final.training.device)
    with using_threads(definition.threads):
        job = _Job(final, architecture, seed, data)
        operations = len(data.train) * definition.epochs * final.cost(architecture).elementwise
        with accelerated(
            job.training.networks,
            definition.acceleration,
            operations=operations,
            device=final.training.device,
        ) as in_force:
            for progress in noted(job.epochs(checkpoint, began), in_force):
                # A stop in the last epoch would leave no epoch to go on with.
                if not report(progress) and progress.epoch < definition.epochs:
                    return _evaluation(progress, Score(accuracy=math.nan, loss=progress.loss))
        tested = score(_exact(job.training.network), data.test)
        if not math.isfinite(tested.loss):
            raise diverged("test", tested.loss, "at the end", definition.recipe)
        job.write(tested)
    return _evaluation(progress, tested)


class _Job:
    """A training with its curve, its checkpoint and its folder."""

    def __init__(
        self, final: "FinalTraining", architecture: Architecture, seed: int, data: FinalData
    ) -> None:
        self._final = final
        self._definition = final.training.definition
        self._architecture = architecture
        self._seed = seed
        self._data = data
        self._folder = _made(final, architecture, seed)
        self._curve = Curve(self._folder)
        self.training = course.begin(
            architecture,
            self._definition.recipe,
            facts=data.facts,
            seed=seed,
            device=final.training.device,
        )

    def epochs(self, checkpoint: Checkpoint | None, began: float) -> Iterator[Progress]:
        """The epochs of a kept state again, then those that are trained now.

        Args:
            checkpoint: Where the state is kept.
            began: When the evaluation began, by `time.perf_counter`.
        """
        definition, training = self._definition, self.training
        keeper = self._keeper(checkpoint)
        done, note = keeper.load(training) if keeper is not None else ([], None)
        yield from done
        spent = done[-1].seconds if done else 0.0
        began -= spent
        monitor = Monitor(training.model, probe(self._data.train))
        recipe, length, examples = definition.recipe, definition.epochs, self._data.train
        for result in train(training, examples, recipe, epochs=length, teacher=self._teacher()):
            seconds = time.perf_counter() - began
            self._curve.add(
                CurvePoint(
                    epoch=result.epoch,
                    phase=_phase(training.phase),
                    learning_rate=training.optimizer.param_groups[0]["lr"],
                    loss=result.loss,
                    seconds=seconds - spent,
                    layers=monitor.measure(training.model),
                )
            )
            spent = seconds
            now = Progress(epoch=result.epoch, accuracy=math.nan, loss=result.loss, seconds=spent)
            done.append(now)
            yield replace(now, note=_joined(note, self._warnings(result.epoch)))
            note = None
            if keeper is not None and training.epoch < length:
                keeper.save(training, done)

    def write(self, tested: Score) -> None:
        """Writes the trained network with what it is."""
        definition, facts, data = self._definition, self._data.facts, self._data
        name = digest(self._architecture)
        with writing(self._folder):
            write_network(
                self._folder,
                self.training.network,
                design=Design(
                    name=self._final.names.get(name, name),
                    architecture=self._architecture,
                    image_size=facts.image_size,
                    num_classes=facts.num_classes,
                    in_channels=facts.in_channels,
                ),
                normalisation=Normalisation(
                    mean=tuple(data.normalisation.mean_C.tolist()),
                    deviation=tuple(data.normalisation.deviation_C.tolist()),
                ),
                training=TrainingFacts(
                    evaluator=definition.name,
                    data=definition.data,
                    image_size=definition.image_size,
                    crop_scale=definition.crop_scale,
                    split_seed=definition.split_seed,
                    epochs=definition.epochs,
                    seed=self._seed,
                    recipe=definition.recipe.model_dump(mode="json", exclude_defaults=True),
                ),
                test=TestResult(accuracy=tested.accuracy, loss=tested.loss, images=len(data.test)),
                class_names=data.class_names,
            )

    def _teacher(self) -> nn.Module | None:
        return teacher_for(
            self._definition,
            self._architecture,
            self._data.train,
            facts=self._data.facts,
            device=self._final.training.device,
            folder=self._final.teachers,
        )

    def _keeper(self, checkpoint: Checkpoint | None) -> Keeper | None:
        if checkpoint is None:
            return None
        own = identity(self._definition, self._architecture, self._seed)
        return Keeper(checkpoint, trial=f"final {own}")

    def _warnings(self, epoch: int) -> str | None:
        """What is wrong so far, looked for at the end and ever more rarely before."""
        is_power_of_two = epoch & (epoch - 1) == 0
        if epoch < self._definition.epochs and not is_power_of_two:
            return None
        found = "\n".join(map(str, symptoms(read_curve(self._folder))))
        write_text(self._folder / WARNINGS, f"{found}\n" if found else "")
        return found or None


def _exact(network: nn.Module) -> nn.Module:
    """The network computing in float32 and uncompiled, as whoever loads it computes."""
    for unit in network.modules():
        if isinstance(unit, Unit):
            unit.precision, unit.regions = None, EAGER
    return network


def _phase(phase: Phase) -> str:
    """What the curve calls a phase."""
    words = [f"{phase.weights} weights", *(["coupled activations"] if phase.coupled else [])]
    return f"{phase.number + 1}: {', '.join(words)}"


def _joined(*texts: str | None) -> str | None:
    return "; ".join(text for text in texts if text) or None


def _evaluation(progress: Progress, found: Score) -> Evaluation:
    return Evaluation(
        accuracy=found.accuracy,
        loss=found.loss,
        epochs=progress.epoch,
        seconds=progress.seconds,
    )


def _made(final: "FinalTraining", architecture: Architecture, seed: int) -> Path:
    """The folder of the network, made."""
    if not final.networks.is_dir():
        raise RunError(
            f"every machine that trains must see the run's folder, but there is no "
            f"{final.networks} here; give --results-dir a folder that all of them share"
        )
    folder = final.network_folder(architecture, seed)
    with writing(folder):
        folder.mkdir(exist_ok=True)
    return folder


def _data(definition: EvaluatorDefinition, facts: Facts, device: Device) -> FinalData:
    data = load_final_data(definition.images, device=device)
    if data.facts != facts:
        raise InvalidData(
            f"{definition.data}: the data must stay as they were when the retraining began, "
            f"{facts}, but are {data.facts}; begin a new run"
        )
    return data
