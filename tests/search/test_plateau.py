from dataclasses import fields, replace
from typing import Final

import pytest

from bnas.cost import Totals
from bnas.search.engine import run_search
from bnas.search.objectives import ObjectiveName
from bnas.search.plateau import Plateau
from bnas.search.port import Evaluation
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.search.trials import Outcome, TrialRecord
from bnas.space import SearchSpace
from tests.search import tables

OBJECTIVES: Final[tuple[ObjectiveName, ...]] = ("accuracy", "ops")
NOTHING = Totals(**{field.name: 0 for field in fields(Totals)})


def ended(accuracy: float, ops: float, outcome: Outcome = "finished") -> TrialRecord:
    return TrialRecord(
        number=0,
        digest="",
        choices={},
        architecture={},
        costs=replace(NOTHING, ops=ops),
        outcome=outcome,
        evaluation=Evaluation(accuracy=accuracy, loss=1.0, epochs=1, seconds=0.0),
    )


def plateau(patience: int) -> Plateau:
    return Plateau(patience, objectives=OBJECTIVES, reference=(0.1, 1000.0))


def test_growth_starts_the_count_anew() -> None:
    watched = plateau(2)
    for accuracy in (0.5, 0.5, 0.6, 0.6):
        watched.add(ended(accuracy, 100))
        assert not watched.is_reached
    watched.add(ended(0.6, 100))
    assert watched.is_reached


@pytest.mark.parametrize("outcome", ["stopped", "failed"])
def test_trials_without_a_part_in_the_hypervolume_count(outcome: Outcome) -> None:
    watched = plateau(1)
    watched.add(ended(0.5, 100))
    watched.add(ended(0.9, 50, outcome))
    assert watched.is_reached


@pytest.mark.parametrize("outcome", ["infeasible", "duplicate"])
def test_what_was_not_trained_does_not_count(outcome: Outcome) -> None:
    watched = plateau(1)
    watched.add(ended(0.5, 100))
    watched.add(ended(0.5, 100, outcome))
    assert not watched.is_reached


def test_points_beyond_the_reference_are_no_growth() -> None:
    watched = plateau(1)
    watched.add(ended(0.5, 2000))
    assert watched.is_reached


def test_a_search_ends_on_a_plateau_and_a_resumed_one_at_once(eight: SearchSpace) -> None:
    study = Study.in_memory(OBJECTIVES)
    for _ in range(2):
        summary = run_search(
            study,
            settings=SearchSettings(engine="inline", sampler="random", trials=8),
            space=eight,
            cost=tables.cost,
            evaluator=lambda: tables.Table(score=lambda _: 0.5),
            plateau=Plateau(3, objectives=OBJECTIVES, reference=(0.1, 1e6)),
        )
        assert summary.end.reason == "plateau"
        assert summary.end.message == "the hypervolume has not grown for 3 trials"
        assert summary.counts["finished"] == 4
