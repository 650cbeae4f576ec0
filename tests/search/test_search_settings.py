import os
from typing import Any

import pytest

from bnas.definitions import validate
from bnas.errors import InvalidConfiguration
from bnas.search.settings import Band, SearchSettings

MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"trials": 0}, "'trials' must be greater than or equal to 1, but got 0"),
    ({"max_time_s": 0}, "'max_time_s' must be greater than 0, but got 0"),
    ({"workers": 0}, "'workers' must be greater than or equal to 1, but got 0"),
    (
        {"sampler": "tpee"},
        "'sampler' must be 'tpe', 'gp', 'nsga2' or 'random', but got 'tpee', did you mean 'tpe'?",
    ),
    ({"engine": "dask"}, "'engine' must be 'ray' or 'inline', but got 'dask'"),
    (
        {"objectives": ["accuracy"]},
        (
            "'objectives': objectives must be accuracy and one or two costs, but got accuracy; "
            "name accuracy and one or two of "
            "ops, bops, flops, ace, packed_bytes, peak_activation_bytes"
        ),
    ),
    (
        {"objectives": ["ops", "ace"]},
        (
            "'objectives': objectives must be accuracy and one or two costs, but got ops, ace; "
            "name accuracy and one or two of "
            "ops, bops, flops, ace, packed_bytes, peak_activation_bytes"
        ),
    ),
    (
        {"objectives": ["accuracy", "ops", "ops"]},
        "'objectives': objectives must differ, but got accuracy, ops, ops; name each of them once",
    ),
    (
        {"bounds": {"ops": {}}},
        "'bounds.ops': a bound needs a minimum or a maximum, but has none; give one of them",
    ),
    (
        {"bounds": {"ops": {"minimum": 3e6, "maximum": 2e6}}},
        (
            "'bounds.ops': minimum <= maximum must hold, but got minimum 3,000,000 and maximum "
            "2,000,000; swap them"
        ),
    ),
    (
        {"engine": "inline", "workers": 2},
        (
            "the inline engine runs one trial at a time, but workers is 2; "
            "set workers to 1 or choose the ray engine"
        ),
    ),
    (
        {"engine": "inline", "address": "10.0.0.1:6379"},
        (
            "the inline engine runs in this process, but address is '10.0.0.1:6379'; "
            "remove the address or choose the ray engine"
        ),
    ),
    (
        {"address": "10.0.0.1"},
        "'address': an address must be HOST:PORT, but got '10.0.0.1'; add what is missing",
    ),
]


@pytest.mark.parametrize(("values", "message"), MESSAGES)
def test_what_is_not_allowed_is_named_with_its_rule(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        validate(values, SearchSettings, InvalidConfiguration, source="search")
    assert str(caught.value) == f"search: {message}"


def test_there_is_a_worker_for_each_cpu_unless_trials_run_in_process() -> None:
    assert SearchSettings().workers == len(os.sched_getaffinity(0))
    assert SearchSettings(engine="inline").workers == 1
    assert SearchSettings(workers=7).workers == 7


def test_accuracy_comes_first_and_costs_keep_their_order() -> None:
    settings = SearchSettings(objectives=("packed_bytes", "accuracy", "ops"))
    assert settings.objectives == ("accuracy", "packed_bytes", "ops")
    assert settings.costs == ("packed_bytes", "ops")


def test_settings_survive_being_written_and_read() -> None:
    settings = SearchSettings.model_validate({"bounds": {"ops": {"maximum": 2e6}}, "workers": 3})
    assert SearchSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("band", "value", "violation"),
    [
        (Band(maximum=100), 150, 0.5),
        (Band(maximum=100), 100, 0.0),
        (Band(minimum=100), 50, 0.5),
        (Band(minimum=100, maximum=200), 300, 0.5),
        (Band(minimum=100, maximum=200), 150, -0.25),
    ],
)
def test_a_violation_is_the_share_of_the_limit_it_breaks(
    band: Band, value: float, violation: float
) -> None:
    assert band.violation(value) == pytest.approx(violation)
