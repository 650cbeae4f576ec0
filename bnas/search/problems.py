"""Problems for comparing search methods: trainings that are known beforehand.

Both implement `bnas.search.simulator.Curves` and know their best hypervolume.
"""

import csv
import hashlib
import itertools
import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from bnas.architecture import Architecture, Unit, digest
from bnas.cost import Totals, ledger
from bnas.search.objectives import ObjectiveName
from bnas.search.pareto import hypervolume
from bnas.search.simulator import Curve
from bnas.space import Chooser, Option, SearchSpace, SpaceDefinition, load_space

OBJECTIVES: Final[tuple[ObjectiveName, ...]] = ("accuracy", "ops")
_IMAGE_SIZE: Final = 32
_NUM_CLASSES: Final = 10
_CHANCE: Final = 0.1

_CHOICES: Final[dict[str, object]] = {
    "num_stages": 3,
    "width": [16, 8, 32, 64],
    "depth": {"scope": "stage", "options": [1, 2, 4]},
    "groups": {"scope": "stage", "options": [1, 2, 4]},
    "shuffle": {"scope": "stage", "options": [True]},
    "activation_estimator": ["ste", "approxsign", "signswish"],
    "activation_beta": [5, 10, 20],
    "threshold": ["fixed", "learnable"],
    "weight_scale": ["none", "mean", "mean-detached", "learned"],
    "order": ["sign-conv-norm", "norm-sign-conv"],
    "nonlinearity": ["none", "relu", "hardtanh", "prelu", "rprelu", "prelu2"],
    "placement": ["after-addition", "before-addition", "before-norm"],
    "shortcut": ["none", "block", "conv"],
    "downsampling": "zero-pad",
}

_BEST: Final[dict[str, Option]] = {
    "activation_estimator": "approxsign",
    "threshold": "learnable",
    "weight_scale": "mean-detached",
    "order": "sign-conv-norm",
    "nonlinearity": "rprelu",
    "placement": "after-addition",
    "shortcut": "conv",
}
_ESTIMATOR_LOSS: Final = {"ste": 0.03, "approxsign": 0.0, "signswish": 0.01}
_SHORTCUT_LOSS: Final = {"none": 0.12, "block": 0.04, "conv": 0.0}
_SCALE_LOSS: Final = {"none": 0.01, "mean": 0.004, "mean-detached": 0.0, "learned": 0.002}
_NONLINEARITY_LOSS: Final = {
    "none": 0.08,
    "relu": 0.07,
    "hardtanh": 0.05,
    "prelu": 0.015,
    "rprelu": 0.0,
    "prelu2": 0.01,
}
_PLACEMENT_LOSS: Final = {"after-addition": 0.0, "before-addition": 0.008, "before-norm": 0.03}
_SATURATING_LOSS: Final = {"after-addition": 0.06, "before-addition": 0.02, "before-norm": 0.0}


class Synthetic:
    """Accuracy as a formula of the choices, with a front that follows from it.

    What costs operations (width, depths, groups) decides how good a design can be; what costs
    none (everything of the unit) decides how much of that it loses, and nothing is lost by exactly
    the best unit. So the front is that of the structures with the best unit. Losses interact: the
    best placement depends on the non-linearity, and the estimator matters less with a shortcut.

    Early accuracies mislead as in real training: deep designs and those without a shortcut
    learn more slowly, and all but the last epoch are noisy. Ranks after 1, 3 and 9 epochs
    correlate with the final ones by .74, .84 and .94, as those of equally wide designs do in the
    table of digits.

    Attributes:
        space: A conditional space of 8.3 million designs at 32x32 pixels.
        epochs: Length of a complete training.
        reference: Chance accuracy, and more operations than any design has.
    """

    epochs: Final = 27
    reference: Final = (_CHANCE, 4.0e7)

    def __init__(self) -> None:
        stages = ({"stride": 1, "widen": 1}, {"stride": 2, "widen": 2}, {"stride": 2, "widen": 2})
        self.space = SearchSpace(
            SpaceDefinition.model_validate(
                {
                    "name": "synthetic",
                    "description": "For comparing search methods",
                    "skeleton": "resnet",
                    "stages": stages,
                    "choices": _CHOICES,
                }
            )
        )

    def cost(self, architecture: Architecture) -> Totals:
        """Exact cost at 32x32 pixels, 3 channels and 10 classes."""
        return ledger(architecture, image_size=_IMAGE_SIZE, num_classes=_NUM_CLASSES).totals

    def curve(self, architecture: Architecture) -> Curve:
        """Rises towards the final accuracy like 1 - exp(-epoch / time)."""
        final = self.accuracy(architecture)
        unit = architecture.stages[0].unit
        depth = sum(stage.depth for stage in architecture.stages)
        time = (4 + 0.15 * depth) * (1.0 if unit.shortcut != "none" else 1.2)
        epochs = np.arange(1, self.epochs + 1)
        rise = (1 - np.exp(-epochs / time)) / (1 - math.exp(-self.epochs / time))
        seed = int.from_bytes(hashlib.sha256(digest(architecture).encode()).digest()[:8])
        noise = np.random.default_rng(seed).normal(scale=0.01, size=self.epochs)
        noise[-1] = 0.0
        accuracies = np.clip(_CHANCE + (final - _CHANCE) * rise + noise, 0.0, 1.0)
        return Curve(
            accuracies=[float(value) for value in accuracies],
            epoch_s=self.cost(architecture).value("ops") / 1e6,
        )

    def accuracy(self, architecture: Architecture) -> float:
        """After a complete training, in [0, 1]."""
        kept = 1.0 - min(0.9, _loss(architecture.stages[0].unit))
        return _CHANCE + (_ceiling(architecture) - _CHANCE) * kept

    @cached_property
    def best_hypervolume(self) -> float:
        """Of the true front."""
        values = [(self.accuracy(a), self.cost(a).value("ops")) for a in self.best_designs()]
        return hypervolume(values, self.reference, OBJECTIVES)

    def best_designs(self) -> Iterator[Architecture]:
        """Every structure with the best unit."""
        for width, *structure in itertools.product((8, 16, 32, 64), *[(1, 2, 4)] * 6):
            point: dict[str, Option] = {**_BEST, "width": width}
            for stage, depth, groups in zip((1, 2, 3), structure[:3], structure[3:], strict=True):
                point |= {f"stage{stage}.depth": depth, f"stage{stage}.groups": groups}
            yield self.space.decode(self.space.walk(_following(point)))


def _following(point: dict[str, Option]) -> Chooser:
    return lambda name, options: point.get(name, options[0])


def _ceiling(architecture: Architecture) -> float:
    """What the best unit reaches; capacity saturates, and groups waste the less the later."""
    capacity = 0.0
    for index, stage in enumerate(architecture.stages):
        share = stage.unit.groups ** (-0.35 - 0.1 * index)
        capacity += math.log2(stage.width) * math.sqrt(stage.depth) * share * (1.0 + 0.3 * index)
    return 0.97 - 0.55 * math.exp(-capacity / 12)


def _loss(unit: Unit) -> float:
    """Share of the ceiling that a unit loses; 0 for the best."""
    by_estimator = _ESTIMATOR_LOSS[unit.activation_estimator or "ste"]
    if isinstance(unit.activation_beta, float):
        by_estimator += unit.activation_beta / 1000
    loss = by_estimator if unit.shortcut == "conv" else 2 * by_estimator
    loss += _SHORTCUT_LOSS[unit.shortcut] + _SCALE_LOSS[unit.weight_scale]
    loss += _NONLINEARITY_LOSS[unit.nonlinearity]
    if unit.placement is not None:
        saturates = unit.nonlinearity in {"relu", "hardtanh"}
        loss += (_SATURATING_LOSS if saturates else _PLACEMENT_LOSS)[unit.placement]
    loss += 0.0 if unit.threshold == "learnable" else 0.015
    loss += 0.0 if unit.order == "sign-conv-norm" else 0.02
    return loss


class Table:
    """Trainings that were done and written to a file, see `benchmarks/build_digits_table.py`.

    Attributes:
        space: The space that the table covers.
        epochs: Length of a complete training.
        reference: Chance accuracy, and a little more operations than any row has.
    """

    def __init__(self, folder: Path, *, name: str, image_size: int, num_classes: int) -> None:
        self.space = load_space(folder / f"{name}-space.yaml")
        self._image_size = image_size
        self._num_classes = num_classes
        self._curves: dict[str, Curve] = {}
        self._ops: dict[str, float] = {}
        with (folder / f"{name}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                names = [column for column in row if column.startswith("accuracy_")]
                accuracies = [float(row[column]) for column in names]
                self.epochs = len(accuracies)
                key = digest(self._architecture(row))
                self._curves[key] = Curve(
                    accuracies=accuracies, epoch_s=float(row["seconds"]) / len(accuracies)
                )
                self._ops[key] = float(row["ops"])
        points = [(self._curves[key].accuracies[-1], ops) for key, ops in self._ops.items()]
        self.reference = (1 / num_classes, 1.1 * max(self._ops.values()))
        self.best_hypervolume = hypervolume(points, self.reference, OBJECTIVES)

    def _architecture(self, row: dict[str, str]) -> Architecture:
        def choose(name: str, options: tuple[Option, ...]) -> Option:
            texts = [str(option) for option in options]
            return options[texts.index(row[name])] if name in row else options[0]

        return self.space.decode(self.space.walk(choose))

    def cost(self, architecture: Architecture) -> Totals:
        """Exact cost at the image size of the data, one channel."""
        return ledger(
            architecture,
            image_size=self._image_size,
            num_classes=self._num_classes,
            in_channels=1,
        ).totals

    def curve(self, architecture: Architecture) -> Curve:
        """The row's."""
        return self._curves[digest(architecture)]

    @property
    def num_rows(self) -> int:
        """Trainings in the file."""
        return len(self._curves)

    def ops(self, architecture: Architecture) -> float:
        """Operations as the file has them."""
        return self._ops[digest(architecture)]
