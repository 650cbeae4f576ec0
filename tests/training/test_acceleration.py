"""Settings of the training step, and whether compiling pays."""

import pytest
from pydantic import ValidationError

from bnas.training import Acceleration
from bnas.training.acceleration import SAVED_S_PER_OPERATION, START_UP_S

BREAK_EVEN = START_UP_S / SAVED_S_PER_OPERATION


@pytest.mark.parametrize(
    ("settings", "operations", "expected"),
    [
        ({}, 0.9 * BREAK_EVEN, False),
        ({}, 1.1 * BREAK_EVEN, True),
        ({"compile": "none"}, 1e20, False),
        ({"compile": "regions"}, 0.0, True),
        ({"plain": True}, 1e20, False),
    ],
)
def test_auto_compiles_where_it_pays(
    settings: dict[str, object], operations: float, *, expected: bool
) -> None:
    assert Acceleration.model_validate(settings).compiles(operations) is expected


@pytest.mark.parametrize("settings", [{"precision": "bfloat16"}, {"compile": "regions"}])
def test_the_plain_form_is_refused_beside_the_others(settings: dict[str, str]) -> None:
    values = {"precision": "float32", "compile": "auto"} | settings
    with pytest.raises(ValidationError) as caught:
        Acceleration.model_validate(settings | {"plain": True})
    assert caught.value.errors()[0]["msg"] == (
        f"Value error, plain must be without bfloat16 and compilation, but precision is "
        f"{values['precision']!r} and compile {values['compile']!r}; remove them or plain"
    )
