"""Learning rate against the formula of its docstring."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from bnas.training import Recipe, learning_rate


def recipe(**changes: object) -> Recipe:
    settings: dict[str, object] = {
        "optimizer": "adam",
        "learning_rate": 0.2,
        "schedule": "cosine",
        "batch_size": 4,
    }
    return Recipe.model_validate(settings | changes)


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        ("cosine", lambda r: (1 + math.cos(math.pi * r)) / 2),
        ("linear", lambda r: 1 - r),
        ("constant", lambda _: 1.0),
    ],
)
@pytest.mark.parametrize(("warmup", "warmup_steps"), [(0.0, 0), (0.25, 2), (0.99, 9)])
def test_formula(
    schedule: str, factor: Callable[[float], float], warmup: float, warmup_steps: int
) -> None:
    rates = [
        learning_rate(recipe(schedule=schedule, warmup=warmup), step=step, num_steps=10, epochs=5)
        for step in range(10)
    ]
    rising = [0.2 * (step + 1) / (warmup_steps + 1) for step in range(warmup_steps)]
    falling = [
        0.2 * factor((step - warmup_steps) / (10 - warmup_steps))
        for step in range(warmup_steps, 10)
    ]
    assert rates == pytest.approx(rising + falling, rel=1e-12)
    assert all(rate > 0 for rate in rates)
    assert max(rates) == 0.2


def test_one_step() -> None:
    assert learning_rate(recipe(warmup=0.9), step=0, num_steps=1, epochs=1) == 0.2


@pytest.mark.parametrize("milestones", [[0.2, 0.4, 0.6, 0.8], [10, 20, 30, 40]])
def test_steps_as_in_bnn_plus(milestones: list[float]) -> None:
    """Divided by 10 every 10 of 50 epochs, 3 steps each."""
    steps = recipe(schedule={"milestones": milestones, "factor": 0.1})
    rates = [learning_rate(steps, step=step, num_steps=150, epochs=50) for step in range(150)]
    expected = 0.2 * 0.1 ** (np.arange(150) // 30)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_milestones_count_from_the_first_step_and_warm_up_wins() -> None:
    steps = recipe(schedule={"milestones": [0.1, 0.5], "factor": 0.5}, warmup=0.2)
    rates = [learning_rate(steps, step=step, num_steps=10, epochs=2) for step in range(10)]
    expected = [0.2 / 3, 0.4 / 3] + [0.1] * 3 + [0.05] * 5
    assert rates == pytest.approx(expected, rel=1e-12)
