"""Repetitions: their table, their means and intervals, and the front that they leave."""

import math
from pathlib import Path

import pytest

from bnas.errors import RunError
from bnas.runs.growing_table import mend_rows
from bnas.runs.repeats import (
    Repetition,
    append_repetition,
    estimates,
    read_repetitions,
    repeated_front,
    with_means,
)
from bnas.search.objectives import ObjectiveName
from bnas.search.port import Evaluation
from bnas.search.trials import TrialRecord
from tests.report.fakes import changed, fake_records, with_outcome

OBJECTIVES: tuple[ObjectiveName, ...] = ("accuracy", "ops")


def repetition(digest: str, seed: int, accuracy: float) -> Repetition:
    evaluation = Evaluation(accuracy=accuracy, loss=1 - accuracy, epochs=4, seconds=1.5)
    return Repetition(digest=digest, seed=seed, evaluation=evaluation)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "repeats.csv"


@pytest.fixture
def trials() -> list[TrialRecord]:
    """Three designs, each larger and better than the one before."""
    finished = with_outcome(fake_records(40), "finished")
    by_cost = sorted({r.costs.ops: r for r in finished}.values(), key=lambda r: r.costs.ops)[:3]
    return [
        changed(r, evaluation=Evaluation(accuracy=a, loss=1.0, epochs=4, seconds=1.0))
        for r, a in zip(by_cost, (0.5, 0.6, 0.7), strict=True)
    ]


def test_what_is_written_is_read(path: Path) -> None:
    written = [
        repetition("abcd", 1, 1 / 3),
        Repetition(digest="abcd", seed=2, error='EvaluationFailed: "nan", they say'),
    ]
    assert read_repetitions(path) == []
    for one in written:
        append_repetition(path, one)
    assert read_repetitions(path) == written


def test_half_a_line_is_passed_over_and_mended(path: Path) -> None:
    append_repetition(path, repetition("abcd", 1, 0.5))
    with path.open("a") as file:
        file.write("abcd,2,fin")
    assert len(read_repetitions(path)) == 1
    mend_rows(path)
    append_repetition(path, repetition("abcd", 2, 0.7))
    assert [one.seed for one in read_repetitions(path)] == [1, 2]


def test_half_a_character_is_passed_over_and_mended(path: Path) -> None:
    append_repetition(path, repetition("abcd", 1, 0.5))
    with path.open("ab") as file:
        file.write("abcd,2,failed,,,,,ä".encode()[:-1])
    assert len(read_repetitions(path)) == 1
    mend_rows(path)
    assert path.read_bytes().count(b"abcd") == 1


@pytest.mark.parametrize("character", "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
def test_an_error_becomes_one_line(path: Path, character: str) -> None:
    append_repetition(path, Repetition(digest="abcd", seed=1, error=f"out of{character}memory"))
    append_repetition(path, repetition("abcd", 2, 0.5))
    assert len(path.read_bytes().splitlines()) == 3
    assert [one.error for one in read_repetitions(path)] == ["out of memory", None]


@pytest.mark.parametrize("character", "\v\f\x1c\x1d\x1e\x85\u2028\u2029")
def test_a_line_ends_where_csv_says(path: Path, character: str) -> None:
    append_repetition(path, Repetition(digest="abcd", seed=1, error="out of memory"))
    path.write_bytes(path.read_bytes().replace(b" of ", character.encode()))
    assert [one.error for one in read_repetitions(path)] == [f"out{character}memory"]


def test_a_damaged_table_is_named(path: Path) -> None:
    append_repetition(path, repetition("abcd", 1, 0.5))
    with path.open("a") as file:
        file.write("abcd,two,finished,0.5,0.5,4,1.5,\n")
    message = (
        f"^{path} must be a table of repetitions, but line 3 is not one of it; "
        "restore it from a copy, or cut it before that line$"
    )
    with pytest.raises(RunError, match=message):
        read_repetitions(path)


def test_the_interval_is_that_of_student() -> None:
    found = estimates([repetition("abcd", seed, a) for seed, a in ((3, 0.6), (1, 0.5), (2, 0.7))])
    estimate = found["abcd"]
    assert estimate.seeds == (1, 2, 3)
    assert estimate.mean == pytest.approx(0.6)
    assert estimate.interval is not None
    # 4.303 is the quantile of two degrees of freedom in every table.
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert estimate.interval == pytest.approx((0.6 - half, 0.6 + half))


def test_one_seed_has_no_interval_and_failures_are_counted() -> None:
    failed = Repetition(digest="abcd", seed=2, error="nan")
    found = estimates([repetition("abcd", 1, 0.5), failed, Repetition(digest="ef", seed=1)])
    assert set(found) == {"abcd"}
    assert (found["abcd"].interval, found["abcd"].num_failed) == (None, 1)
    assert found["abcd"].as_dict() == {
        "seeds": [1],
        "accuracies": [0.5],
        "mean": 0.5,
        "level": 0.95,
        "low": None,
        "high": None,
        "failed": 1,
    }


def test_of_two_repetitions_with_one_seed_the_last_counts() -> None:
    failed = Repetition(digest="abcd", seed=2, error="out of memory")
    found = estimates([repetition("abcd", 1, 0.5), failed, repetition("abcd", 2, 0.7)])
    found |= estimates([repetition("ef", 1, 0.6), repetition("ef", 1, 0.6)])
    assert (found["abcd"].seeds, found["abcd"].num_failed) == ((1, 2), 0)
    assert found["ef"].seeds == (1,)


def test_without_repetitions_the_front_is_that_of_the_search(trials: list[TrialRecord]) -> None:
    assert repeated_front(trials, {}, OBJECTIVES, chance=0.1) == trials


def test_a_design_that_was_lucky_is_dropped(trials: list[TrialRecord]) -> None:
    cheap, lucky, best = trials
    known = estimates(
        [
            repetition(cheap.digest, 1, 0.55),
            repetition(cheap.digest, 2, 0.57),
            repetition(lucky.digest, 1, 0.52),
            repetition(lucky.digest, 2, 0.54),
        ]
    )
    found = repeated_front(trials, known, OBJECTIVES, chance=0.1)
    assert [record.digest for record in found] == [cheap.digest, best.digest]
    assert found[0].evaluation is not None
    assert found[0].evaluation.accuracy == pytest.approx(0.56)
    assert found[1] == best


def test_a_repeated_design_behind_the_front_may_join_it(trials: list[TrialRecord]) -> None:
    cheap, unlucky, best = trials
    unlucky = changed(unlucky, evaluation=Evaluation(accuracy=0.4, loss=1.0, epochs=4, seconds=1.0))
    records = [cheap, unlucky, best]
    assert repeated_front(records, {}, OBJECTIVES, chance=0.1) == [cheap, best]
    known = estimates([repetition(unlucky.digest, 1, 0.65)])
    found = repeated_front(records, known, OBJECTIVES, chance=0.1)
    assert [record.digest for record in found] == [r.digest for r in records]
    assert with_means(records, known)[1] == found[1]
