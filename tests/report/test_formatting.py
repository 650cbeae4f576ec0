import pytest

from bnas.report.choices import differing, joined, shared
from bnas.report.formatting import clock, counted, exact, label, objective, short, short_cost
from bnas.search.trials import TrialRecord
from tests.report.fakes import changed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4_816_896_000, "4,816,896,000"),
        (87_126_016.0, "87,126,016"),
        (9_972.5, "9,972.5"),
        (1 / 64, "0.015625"),
        (0, "0"),
        (100, "100"),
    ],
)
def test_exact_numbers_lose_no_digit(value: float, text: str) -> None:
    assert exact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (640, "640"),
        (999.6, "1k"),
        (1_500, "1.5k"),
        (87_126_016, "87.1M"),
        (4.8e9, "4.8G"),
        (2e21, "2000E"),
    ],
)
def test_short_numbers_have_three_digits(value: float, text: str) -> None:
    assert short(value) == text


def test_bytes_have_their_unit() -> None:
    assert short_cost("packed_bytes", 21_376) == "21.4 kB"
    assert short_cost("peak_activation_bytes", 12) == "12 B"
    assert short_cost("ops", 21_376) == "21.4k"


def test_objectives_have_names_and_units() -> None:
    assert [label(name) for name in ("ops", "packed_bytes")] == ["OPs", "packed bytes"]
    assert objective("accuracy", 0.98333) == "98.33 %"
    assert objective("ops", 21_376.0) == "21,376"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (42, "0:42"), (725, "12:05"), (3723, "1:02:03")]
)
def test_times(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_nouns_follow_their_number() -> None:
    assert counted(1, "trial") == "1 trial"
    assert counted(2000, "trial") == "2,000 trials"
    assert counted(2, "class", "classes") == "2 classes"


def test_choices_of_stages_are_joined() -> None:
    choices = {
        "width": 16,
        "stage1.depth": 2,
        "stage1.groups": 1,
        "stage2.depth": 2,
        "stage2.groups": 4,
        "stage2.shuffle": True,
        "factor": 1.0,
    }
    assert joined(choices) == {
        "width": "16",
        "depth": "2",
        "groups": "1/4",
        "shuffle": "-/true",
        "factor": "1",
    }


def test_differing_and_shared_choices_are_all_choices(records: list[TrialRecord]) -> None:
    names = {name for record in records for name in joined(record.choices)}
    assert {*differing(records), *shared(records)} == names
    assert not {*differing(records)} & {*shared(records)}


def test_a_choice_that_is_open_for_some_designs_differs(records: list[TrialRecord]) -> None:
    one = changed(records[0], choices={"a": 1, "c": 3})
    other = changed(records[0], choices={"a": 1, "b": 2, "c": 3})
    assert differing([one, other]) == ("b",)
    assert shared([one, other]) == {"a": "1", "c": "3"}
    assert differing([one]) == ()
    assert shared([]) == {}
