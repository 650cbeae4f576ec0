"""Courses of the surrogates' parameters over training."""

import math
from functools import partial

import pytest

from bnas.estimators import schedules
from bnas.estimators.schedules import Schedule
from bnas.estimators.sign import Surrogate


def settings(surrogate: Surrogate) -> dict[str, float]:
    assert isinstance(surrogate, partial)
    return dict(surrogate.keywords)


@pytest.mark.parametrize(
    ("schedule", "start", "middle", "end"),
    [
        (schedules.ede, {"t": 0.1}, {"t": 1.0}, {"t": 10.0}),
        (
            schedules.rbnn_activations,
            {"t": 1.0, "k": 1.0},
            {"t": 1.0, "k": 1.0},
            {"t": 10.0, "k": 1.0},
        ),
        (
            schedules.rbnn_weights,
            {"t": 0.01, "k": 100.0},
            {"t": math.sqrt(0.1), "k": math.sqrt(10)},
            {"t": 10.0, "k": 1.0},
        ),
        (schedules.reste, {"o": 1.0}, {"o": 3 - math.sqrt(2)}, {"o": 3.0}),
        (schedules.dsq, {"a": 0.5}, {"a": math.sqrt(0.025)}, {"a": 0.05}),
        (schedules.fda, {"n": 9}, {"n": 13}, {"n": 18}),
    ],
)
def test_schedule_runs_its_course(
    schedule: Schedule, start: dict[str, float], middle: dict[str, float], end: dict[str, float]
) -> None:
    for progress, expected in [(0.0, start), (0.5, middle), (1.0, end)]:
        assert settings(schedule(progress)) == pytest.approx(expected)


def test_tau_of_recu_runs_exponentially() -> None:
    middle = 0.85 + 0.14 * (math.sqrt(math.e) - 1) / (math.e - 1)
    course = [schedules.recu_tau(p) for p in (0, 0.5, 1)]
    assert course == pytest.approx([0.85, middle, 0.99])
