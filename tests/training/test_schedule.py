"""Learning rate against the formula of its docstring."""

import math
from collections.abc import Callable

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
        learning_rate(recipe(schedule=schedule, warmup=warmup), step=step, num_steps=10)
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
    assert learning_rate(recipe(warmup=0.9), step=0, num_steps=1) == 0.2
