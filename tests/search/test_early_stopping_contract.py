"""What every engine must do with trials that are not worth going on with.

An engine takes part by a subclass that overrides `engine`.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import pytest
from optuna.trial import TrialState

from bnas.architecture import Architecture
from bnas.search.engine import run_search
from bnas.search.events import Ended, EpochEnded, Event
from bnas.search.front import front
from bnas.search.halving import Halving, Rungs
from bnas.search.objectives import ObjectiveName
from bnas.search.port import Progress
from bnas.search.proposer import Proposer
from bnas.search.settings import SearchSettings
from bnas.search.simulator import Curve, simulate
from bnas.search.study import Study
from bnas.search.trials import TrialRecord
from bnas.space import SearchSpace
from tests.search import tables

OBJECTIVES: Final[tuple[ObjectiveName, ...]] = ("accuracy", "ops")
TRIALS = 12
# Continues a study to so many trials, telling a list of events.
Run: TypeAlias = Callable[[Study, SearchSpace, int, list[Event]], None]


def halving() -> Halving:
    return Halving(Rungs(), epochs=tables.FULL_EPOCHS, objectives=OBJECTIVES)


class EarlyStopping:
    @pytest.fixture(scope="class")
    @classmethod
    def searched(cls, engine: Run, many: SearchSpace) -> tuple[Study, list[Event]]:
        study, events = Study.in_memory(OBJECTIVES), list[Event]()
        engine(study, many, TRIALS, events)
        return study, events

    def test_some_trials_are_stopped_at_the_rung_and_all_count(
        self, searched: tuple[Study, list[Event]]
    ) -> None:
        records = searched[0].records()
        epochs = {"stopped": 1, "finished": tables.FULL_EPOCHS}
        assert {record.outcome for record in records if record.outcome != "duplicate"} == set(
            epochs
        )
        assert sum(record.outcome in epochs for record in records) == TRIALS
        for record in records:
            if record.outcome in epochs:
                assert record.evaluation is not None
                assert record.evaluation.epochs == epochs[record.outcome]
                assert record.rungs == {1: record.evaluation.accuracy}

    def test_a_stopped_trial_is_no_finished_one_to_optuna(
        self, searched: tuple[Study, list[Event]]
    ) -> None:
        states = {"stopped": TrialState.PRUNED, "finished": TrialState.COMPLETE}
        study, _ = searched
        trials = study.optuna.get_trials()
        for record in study.records():
            if record.outcome in states:
                assert trials[record.number].state == states[record.outcome]
                assert (trials[record.number].values is None) == (record.outcome == "stopped")

    def test_a_stopped_trial_is_not_on_the_front(self, searched: tuple[Study, list[Event]]) -> None:
        found = front(searched[0].records(), OBJECTIVES)
        assert {record.outcome for record in found} == {"finished"}

    def test_no_epoch_follows_the_rung_of_a_stopped_trial(
        self, searched: tuple[Study, list[Event]]
    ) -> None:
        study, events = searched
        stopped = {record.number for record in study.records() if record.outcome == "stopped"}
        told = [(e.number, e.progress.epoch) for e in events if isinstance(e, EpochEnded)]
        assert {epoch for number, epoch in told if number in stopped} == {1}
        assert [number for number, _ in told if number in stopped] == [
            event.record.number
            for event in events
            if isinstance(event, Ended) and event.record.outcome == "stopped"
        ]


class TestInlineEngine(EarlyStopping):
    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Run:
        return partial(_real, "inline")


class TestRayEngine(EarlyStopping):
    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Run:
        return partial(_real, "ray")


class TestSimulator(EarlyStopping):
    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls) -> Run:
        return _simulated


def _real(name: str, study: Study, space: SearchSpace, trials: int, events: list[Event]) -> None:
    workers = 2 if name == "ray" else 1
    settings = SearchSettings.model_validate(
        {"engine": name, "sampler": "random", "trials": trials, "workers": workers}
    )
    run_search(
        study,
        settings=settings,
        space=space,
        cost=tables.cost,
        evaluator=tables.table_of_small_winners,
        listener=events.append,
        halving=halving(),
    )


class TableOfCurves(tables.Table):
    def curve(self, architecture: Architecture) -> Curve:
        return Curve(accuracies=[tables.smaller_is_better(architecture)] * tables.FULL_EPOCHS)


def _simulated(study: Study, space: SearchSpace, trials: int, events: list[Event]) -> None:
    proposer = Proposer(
        study,
        settings=SearchSettings(engine="inline", sampler="random", trials=trials),
        space=space,
        cost=tables.cost,
        listener=events.append,
        halving=halving(),
    )
    simulate(proposer, TableOfCurves(), listener=events.append, workers=2)


def test_first_candidates_are_trained_to_the_end(eight: SearchSpace) -> None:
    study = Study.in_memory(OBJECTIVES)
    _real("inline", study, eight, 8, [])
    ended = {record.candidate: record.outcome for record in study.records() if record.candidate}
    assert ended == {"small": "finished", "large": "finished"}


def test_a_search_in_parts_stops_what_it_would_have_stopped_in_one(many: SearchSpace) -> None:
    whole, parts = Study.in_memory(OBJECTIVES), Study.in_memory(OBJECTIVES)
    _real("inline", whole, many, TRIALS, [])
    for trials in (4, 7, TRIALS):
        _real("inline", parts, many, trials, [])
    assert [r.outcome for r in parts.records()] == [r.outcome for r in whole.records()]


def test_a_repeat_of_a_stopped_trial_is_not_told_as_finished(eight: SearchSpace) -> None:
    study = Study.in_memory(OBJECTIVES)
    _real("inline", study, eight, 8, [])
    records = {record.number: record for record in study.records()}
    repeats = [
        record
        for record in records.values()
        if record.duplicate_of is not None and records[record.duplicate_of].outcome == "stopped"
    ]
    assert repeats
    trials = study.optuna.get_trials()
    assert {trials[record.number].state for record in repeats} == {TrialState.PRUNED}


@pytest.fixture
def at_work(many: SearchSpace) -> tuple[Proposer, list[int]]:
    """A proposer, and trials that run, from the cheapest to the dearest."""
    proposer = Proposer(
        Study.in_memory(OBJECTIVES),
        settings=SearchSettings(engine="inline", sampler="random", trials=2),
        space=many,
        cost=tables.cost,
        listener=lambda _: None,
        halving=halving(),
    )
    records = [record for _ in range(2) if isinstance(record := proposer.propose(), TrialRecord)]
    return proposer, [r.number for r in sorted(records, key=lambda record: record.costs.ops)]


def at_rung(accuracy: float, *, replayed: bool = False) -> Progress:
    return Progress(epoch=1, accuracy=accuracy, loss=1.0, seconds=0.0, replayed=replayed)


def test_what_a_rung_let_through_is_not_judged_there_again(
    at_work: tuple[Proposer, list[int]],
) -> None:
    proposer, (cheap, dear) = at_work
    assert proposer.goes_on(cheap, at_rung(0.5))
    assert proposer.goes_on(dear, at_rung(0.4, replayed=True))


def test_others_are_compared_with_what_a_rung_let_through(
    at_work: tuple[Proposer, list[int]],
) -> None:
    proposer, (cheap, dear) = at_work
    assert proposer.goes_on(cheap, at_rung(0.5, replayed=True))
    assert not proposer.goes_on(dear, at_rung(0.4))


def test_what_was_stopped_stays_stopped(at_work: tuple[Proposer, list[int]]) -> None:
    proposer, (cheap, dear) = at_work
    assert proposer.goes_on(cheap, at_rung(0.5))
    assert not proposer.goes_on(dear, at_rung(0.4))
    assert not proposer.goes_on(dear, at_rung(0.4, replayed=True))
