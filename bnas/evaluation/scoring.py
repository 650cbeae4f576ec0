"""Scores a trained network on images, with what it confuses."""

import math
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from bnas.data import DataSettings, Facts
from bnas.data.loading import load_part
from bnas.data.memory import Examples
from bnas.data.memory import Normalisation as ToNormal
from bnas.data.split import Part
from bnas.errors import InvalidData
from bnas.export.facts import TrainedFacts
from bnas.export.loading import TrainedNetwork
from bnas.training.loop import in_order, score

LEVEL: Final = 0.95
# The quantile of a normal distribution that belongs to it.
_Z: Final = 1.959963984540054
# With more, a list of classes says less than it takes room.
_MOST_CLASSES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """How well one class is recognised.

    Attributes:
        label: The class.
        images: How many there are of it.
        correct: How many of them are recognised.
        mistaken_for: What the others are taken for most often; None without others.
        mistakes: How often that is.
    """

    label: int
    images: int
    correct: int
    mistaken_for: int | None
    mistakes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkScore:
    """How well a trained network does on some images.

    Attributes:
        accuracy: In [0, 1].
        interval: Wilson's 95 % interval of it: what the number of images leaves open. It says
            nothing of other trainings of the design.
        loss: Mean cross-entropy.
        images: How many were scored.
        classes: A row for each class; empty where there are many.
    """

    accuracy: float
    interval: tuple[float, float]
    loss: float
    images: int
    classes: tuple[ClassScore, ...]

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of it."""
        low, high = self.interval
        return {
            "accuracy": self.accuracy,
            "level": LEVEL,
            "low": low,
            "high": high,
            "loss": self.loss,
            "images": self.images,
            "classes": [
                {
                    "class": one.label,
                    "images": one.images,
                    "correct": one.correct,
                    "mistaken_for": one.mistaken_for,
                    "mistakes": one.mistakes,
                }
                for one in self.classes
            ],
        }


def score_network(
    network: TrainedNetwork, data: DataSettings, *, part: Part = "test", device: str = "cpu"
) -> NetworkScore:
    """Scores a network on one part of a data set.

    On the data, the split and the device of its training, the test accuracy is that of the
    training, to the last bit.

    Args:
        network: What `bnas.load` reads; it is moved to the device.
        data: The data set, see `data_like_training`.
        part: Which images.
        device: Where to compute.

    Raises:
        InvalidData: The data cannot be used, or the network is made for other images or another
            number of classes.
    """
    norm = network.facts.normalisation
    to_normal = ToNormal(mean_C=torch.tensor(norm.mean), deviation_C=torch.tensor(norm.deviation))
    examples, facts = load_part(data, part, to_normal, device=device)
    _check(network.facts, facts, data.source)
    model = network.network.to(device)
    found = score(model, examples)
    number = len(examples)
    return NetworkScore(
        accuracy=found.accuracy,
        interval=wilson(round(found.accuracy * number), number),
        loss=found.loss,
        images=number,
        classes=_classes(model, examples, network.facts.num_classes),
    )


def data_like_training(
    facts: TrainedFacts, *, source: str | None = None, split_seed: int | None = None
) -> DataSettings | None:
    """The images of a network's training, brought to its size in the way of that training.

    Args:
        facts: Of the network.
        source: Other images; None takes those of the training.
        split_seed: Another split.

    Returns:
        None where there is neither a source nor a training to take it from.
    """
    training = facts.training
    if training is None:
        return None if source is None else DataSettings(source=source, split_seed=split_seed or 0)
    return DataSettings(
        source=source or training.data,
        image_size=training.image_size,
        split_seed=training.split_seed if split_seed is None else split_seed,
        stream=True if training.crop_scale is not None else None,
        crop_scale=training.crop_scale,
    )


def wilson(successes: int, number: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson, JASA 1927)."""
    share, square = successes / number, _Z**2 / number
    middle = share + square / 2
    half = _Z * math.sqrt(share * (1 - share) / number + square / (4 * number))
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return max(0.0, low), min(1.0, high)


def _check(facts: TrainedFacts, found: Facts, origin: str) -> None:
    pairs = (
        ("images of the height and width", facts.image_size, found.image_size),
        ("this number of channels", facts.in_channels, found.in_channels),
        ("this number of classes", facts.num_classes, found.num_classes),
    )
    for what, own, given in pairs:
        if own != given:
            raise InvalidData(
                f"{origin}: the network {facts.name!r} is trained for {what} {own}, but the data "
                f"have {given}; give data like those that it was trained on"
            )


@torch.no_grad()
def _classes(model: nn.Module, examples: Examples, num_classes: int) -> tuple[ClassScore, ...]:
    """A row for each class, by what its images are taken for."""
    if num_classes > _MOST_CLASSES:
        return ()
    counts_KK = torch.zeros(num_classes * num_classes, dtype=torch.int64)
    for x_NCHW, y_N in in_order(examples):
        logits_NK: Tensor = model(x_NCHW)
        pairs_N = (y_N * num_classes + logits_NK.argmax(dim=1)).cpu()
        counts_KK += torch.bincount(pairs_N, minlength=num_classes**2)
    rows = counts_KK.view(num_classes, num_classes).tolist()
    return tuple(_class(label, row) for label, row in enumerate(rows))


def _class(label: int, row: list[int]) -> ClassScore:
    others = [0 if other == label else number for other, number in enumerate(row)]
    mistakes = max(others)
    return ClassScore(
        label=label,
        images=sum(row),
        correct=row[label],
        mistaken_for=others.index(mistakes) if mistakes else None,
        mistakes=mistakes,
    )
