"""What is wrong with a training, in words, from its curve.

Every limit stands where trainings that learn and trainings that were broken on purpose lie far
apart: small networks of every estimator on the digits, with Adam and SGD. A failure counts when a
layer shows it in two epochs running, as one may be chance.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from bnas.training.curve import CurvePoint, LayerHealth

# At the end of a schedule nothing moves, and estimators that sharpen themselves let little through:
# both are meant to be so. What is judged has at least this share of the phase's learning rate.
_AT_WORK: Final = 0.1
_EARLY: Final = 0.5

# Learning layers move by 0.8 % of their size and more in an epoch. Beside one that does, a layer
# that needs ten thousand epochs for its size has no gradient; where none does, the rate is too low.
_STILL: Final = 1e-4
_LIVELY: Final = 0.008
# Learning layers have no filter without gradient.
_IDLE: Final = 0.25

# Learning layers change 0.5 % of their signs and more; at a fifth of that, a thousand epochs pass
# before every sign had its turn. Small layers may stand still by chance: with 256 weights and a
# rate of 0.5 % they do in one epoch of four, and in one of thirteen pairs.
_FROZEN: Final = 1e-3
_ENOUGH_WEIGHTS: Final = 256
_HIGH_LOSS: Final = 0.5

# Activations differ from image to image, so a few that pass their gradient are enough: up to 90 %
# were lost where networks learned, 97 % and more where the estimator was too narrow. A weight that
# is lost stays lost; ReCU holds 40 % by design.
_LOST_ACTIVATIONS: Final = 0.95
_LOST_WEIGHTS: Final = 0.6

# Learning layers have no constant channel.
_CONSTANT: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """A known failure that shows.

    Attributes:
        kind: What it is called.
        first: First epoch of those that show it.
        last: Last one of them.
        layers: Layers that show it in the last, the worst in front.
        text: What was seen, and what to do.
    """

    kind: str
    first: int
    last: int
    layers: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        others = len(self.layers) - 1
        more = f" and {others} other layer{'s' if others > 1 else ''}" if others else ""
        where = f"{self.layers[0]}{more}, epochs {self.first} to {self.last}"
        return f"{self.kind} in {where}: {self.text}"


class _Course(NamedTuple):
    """An epoch with what went before it in its phase."""

    point: CurvePoint
    first: CurvePoint
    highest_rate: float

    @property
    def share_of_rate(self) -> float:
        return self.point.learning_rate / self.highest_rate


class _Kind(NamedTuple):
    """A failure: how bad it is in a layer, None where it does not show, and its words."""

    name: str
    severity: Callable[[LayerHealth, _Course], float | None]
    text: Callable[[LayerHealth, _Course], str]


def symptoms(points: Sequence[CurvePoint]) -> list[Symptom]:
    """Every known failure that the curve of a training shows, as far as the curve goes."""
    courses = list(_courses(points))
    found = (_symptom(kind, courses) for kind in _KINDS)
    return [symptom for symptom in found if symptom is not None]


def _courses(points: Sequence[CurvePoint]) -> Iterator[_Course]:
    for _, phase in groupby(points, key=lambda point: point.phase):
        first, highest = None, 0.0
        for point in phase:
            first = first or point
            highest = max(highest, point.learning_rate)
            if point.learning_rate >= _AT_WORK * highest:
                yield _Course(point, first, highest)


def _symptom(kind: _Kind, courses: Sequence[_Course]) -> Symptom | None:
    severities = [_severities(kind, course) for course in courses]
    lasting = [
        (course, {name: now[name] for name in now if name in before})
        for (before, now), course in zip(pairwise(severities), courses[1:], strict=True)
    ]
    lasting = [(course, layers) for course, layers in lasting if layers]
    if not lasting:
        return None
    course, layers = lasting[-1]
    names = sorted(layers, key=lambda name: -layers[name])
    worst = next(layer for layer in course.point.layers if layer.layer == names[0])
    return Symptom(
        kind=kind.name,
        first=lasting[0][0].point.epoch - 1,
        last=course.point.epoch,
        layers=tuple(names),
        text=kind.text(worst, course),
    )


def _severities(kind: _Kind, course: _Course) -> Mapping[str, float]:
    graded = ((layer.layer, kind.severity(layer, course)) for layer in course.point.layers)
    return {name: severity for name, severity in graded if severity is not None}


def _starvation(layer: LayerHealth, course: _Course) -> float | None:
    if layer.part == "activations":
        return None
    if _stands_still(layer, course):
        return 2.0  # ahead of every share of filters
    return layer.dead if layer.dead is not None and layer.dead >= _IDLE else None


def _stands_still(layer: LayerHealth, course: _Course) -> bool:
    is_still = layer.movement is not None and layer.movement < _STILL
    return is_still and _liveliest(course) >= _LIVELY


def _liveliest(course: _Course) -> float:
    return max(layer.movement or 0.0 for layer in course.point.layers)


def _starved_text(layer: LayerHealth, course: _Course) -> str:
    seen = f"{_percent(layer.dead)} of its filters had no gradient in the last step"
    if _stands_still(layer, course):
        seen = (
            f"its weights moved by {_percent(layer.movement)} of their size, those of another "
            f"layer by {_percent(_liveliest(course))}"
        )
    return (
        f"{seen}; take an estimator with a wider support, a shortcut around every convolution, or "
        "adam"
    )


def _frost(layer: LayerHealth, course: _Course) -> float | None:
    is_early = course.share_of_rate >= _EARLY
    has_learned = course.point.loss < _HIGH_LOSS * course.first.loss
    if layer.flips is None or layer.size < _ENOUGH_WEIGHTS or not is_early or has_learned:
        return None
    starved = _starvation(layer, course) is not None  # which says why
    return 1 - layer.flips if layer.flips < _FROZEN and not starved else None


def _frozen_text(layer: LayerHealth, course: _Course) -> str:
    point = course.point
    return (
        f"{_percent(layer.flips)} of its signs changed, at a loss of {point.loss:.3g} "
        f"({course.first.loss:.3g} in epoch {course.first.epoch}); raise learning_rate "
        f"(now {point.learning_rate:.2g})"
    )


def _saturation(layer: LayerHealth, course: _Course) -> float | None:
    del course
    limit = _LOST_ACTIVATIONS if layer.part == "activations" else _LOST_WEIGHTS
    return layer.saturated if layer.saturated is not None and layer.saturated > limit else None


def _saturated_text(layer: LayerHealth, course: _Course) -> str:
    del course
    if layer.part == "activations":
        what, remedy = "activations", "put a norm in front of the sign"
    else:
        what, remedy = "weights", "lower learning_rate"
    return (
        f"no gradient passes {_percent(layer.saturated)} of its {what}; take an estimator with a "
        f"wider support (signswish: a smaller beta), or {remedy}"
    )


def _death(layer: LayerHealth, course: _Course) -> float | None:
    del course
    is_dead = layer.part == "activations" and (layer.dead or 0) >= _CONSTANT
    return layer.dead if is_dead else None


def _dead_text(layer: LayerHealth, course: _Course) -> str:
    del course
    return (
        f"{_percent(layer.dead)} of its {layer.size} channels are the same at every place of every "
        "image; put a norm and no relu in front of the sign, or lower learning_rate, which moves "
        "learned thresholds too"
    )


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0.0):.3g} %"


_KINDS: Final = (
    _Kind("starved weights", _starvation, _starved_text),
    _Kind("frozen signs", _frost, _frozen_text),
    _Kind("estimator saturated", _saturation, _saturated_text),
    _Kind("dead channels", _death, _dead_text),
)
