"""The course of a training as data: one point an epoch, with the health of every layer."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal, TypeAlias

Part: TypeAlias = Literal["binary-weights", "real-weights", "activations"]
Measure: TypeAlias = Literal["flips", "movement", "gradient", "saturated", "dead"]

MEASURES: Final[tuple[Measure, ...]] = ("flips", "movement", "gradient", "saturated", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerHealth:
    """What `bnas.training.health` measured of one layer after an epoch; None does not apply.

    Attributes:
        layer: Name of its module in the network.
        part: Weights of a binary convolution, those of a real-valued layer, or the binarisation
            of activations.
        size: Weights, or channels of the activations.
        flips: Share of the binary weights whose sign is not what it was an epoch ago.
        movement: |w - w'| / |w'| of the weights w and those of an epoch ago, w' (2-norms).
        gradient: 2-norm of the gradient of the weights in the last step.
        saturated: Share of what is binarised, weights or activations, through which no gradient
            passes: g(x) is below a hundredth of g(0).
        dead: Share of the channels without effect: activations that are the same at every place
            of every image, filters whose gradient is zero.
    """

    layer: str
    part: Part
    size: int
    flips: float | None = None
    movement: float | None = None
    gradient: float | None = None
    saturated: float | None = None
    dead: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What is known of a training after an epoch.

    Attributes:
        epoch: Epochs done, all phases together, from 1.
        phase: Which part of the training the epoch belongs to.
        learning_rate: Of the last step.
        loss: Mean training loss of the epoch, or any loss that falls as training goes on.
        seconds: What the epoch took.
        layers: Health of every layer; empty where nobody measured it.
    """

    epoch: int
    phase: str
    learning_rate: float
    loss: float
    seconds: float
    layers: tuple[LayerHealth, ...] = ()

    @property
    def flips(self) -> float | None:
        """Share of all binary weights whose sign changed in the epoch."""
        return _mean(self.layers, "binary-weights", "flips", weighted=True)

    @property
    def saturated_weights(self) -> float | None:
        """Share of all binary weights through which no gradient passes."""
        return _mean(self.layers, "binary-weights", "saturated", weighted=True)

    @property
    def saturated_activations(self) -> float | None:
        """Share of activations through which no gradient passes, the mean over layers."""
        return _mean(self.layers, "activations", "saturated", weighted=False)

    @property
    def dead_channels(self) -> float | None:
        """Share of all binarised channels that are constant."""
        return _mean(self.layers, "activations", "dead", weighted=True)

    @property
    def gradient(self) -> float | None:
        """2-norm of the gradients of the weights of all layers together."""
        found = [layer.gradient for layer in self.layers if layer.gradient is not None]
        return sum(value**2 for value in found) ** 0.5 if found else None


def _mean(
    layers: Iterable[LayerHealth], part: Part, measure: Measure, *, weighted: bool
) -> float | None:
    """Mean of a measure over the layers that have it, each counted by its size if `weighted`."""
    found: list[tuple[float, int]] = []
    for layer in layers:
        value = getattr(layer, measure)
        if layer.part == part and value is not None:
            found.append((value, layer.size if weighted else 1))
    if not found:
        return None
    return fmean([value for value, _ in found], weights=[weight for _, weight in found])
