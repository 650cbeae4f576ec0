"""What a recipe may hold."""

from typing import Any

import pytest

from bnas.definitions import validate
from bnas.errors import InvalidEvaluator
from bnas.training import Recipe

GOOD: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "linear",
    "batch_size": 64,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"optimizer": "adamm"},
            (
                "R: 'optimizer' must be 'adam', 'adamw' or 'sgd', but got 'adamm', "
                "did you mean 'adam'?"
            ),
        ),
        (
            {"optimizer": "sgd"},
            (
                "R: momentum must be given for the optimizer 'sgd' and for no other, but "
                "optimizer is 'sgd' and momentum None; add momentum: 0.9"
            ),
        ),
        (
            {"momentum": 0.5},
            (
                "R: momentum must be given for the optimizer 'sgd' and for no other, but "
                "optimizer is 'adam' and momentum 0.5; remove momentum"
            ),
        ),
        ({"learning_rate": 0}, "R: 'learning_rate' must be greater than 0, but got 0"),
        (
            {"learning_rate": float("inf")},
            "R: 'learning_rate' must be a finite number, but got inf",
        ),
        ({"warmup": 1.0}, "R: 'warmup' must be less than 1, but got 1.0"),
        ({"batch_size": 1}, "R: 'batch_size' must be greater than or equal to 2, but got 1"),
        (
            {"label_smoothing": -0.1},
            "R: 'label_smoothing' must be greater than or equal to 0, but got -0.1",
        ),
    ],
)
def test_refused(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidEvaluator) as caught:
        validate(GOOD | change, Recipe, InvalidEvaluator, source="R")
    assert str(caught.value) == expected


def test_is_a_frozen_comparable_value() -> None:
    first, second = Recipe.model_validate(GOOD), Recipe.model_validate(GOOD)
    assert first == second
    assert hash(first) == hash(second)
    with pytest.raises(ValueError, match="frozen"):
        first.batch_size = 3  # type: ignore[misc]
