"""What is trained, what is not, and how each is recorded."""

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from bnas.architecture import digest
from bnas.errors import RunError
from bnas.search import samplers
from bnas.search.events import Ended, Event, Skipped, Started
from bnas.search.port import Evaluation
from bnas.search.proposer import Proposer
from bnas.search.settings import Band, SamplerName, SearchSettings
from bnas.search.study import Study
from bnas.search.trials import TrialRecord, counts
from bnas.space import SearchSpace
from tests.search import tables
from tests.search.tables import Search


def proposer_on(study: Study, space: SearchSpace, **values: Any) -> tuple[Proposer, list[Event]]:
    events: list[Event] = []
    settings = SearchSettings.model_validate({"sampler": "random", **values})
    proposer = Proposer(
        study, settings=settings, space=space, cost=tables.cost, listener=events.append
    )
    return proposer, events


def proposed(proposer: Proposer) -> TrialRecord:
    record = proposer.propose()
    assert isinstance(record, TrialRecord)
    return record


def score(accuracy: float) -> Evaluation:
    return Evaluation(accuracy=accuracy, loss=1.0, epochs=2, seconds=0.5)


def frozen(study: Study) -> list[optuna.trial.FrozenTrial]:
    return study.optuna.get_trials(deepcopy=False)


def test_first_candidates_come_first_and_bear_their_names(
    search: Search, eight: SearchSpace
) -> None:
    _, study = search(eight, trials=4)
    records = study.records()
    assert [record.candidate for record in records[:3]] == ["small", "large", None]
    wanted = [digest(architecture) for _, architecture in eight.first_candidates]
    assert [record.digest for record in records[:2]] == wanted


def test_a_first_candidate_outside_a_bound_is_skipped_with_a_line(
    search: Search, eight: SearchSpace, events: list[Event]
) -> None:
    large = tables.cost(dict(eight.first_candidates)["large"]).ops
    _, study = search(eight, trials=2, bounds={"ops": {"maximum": 10000}})
    skipped = [event for event in events if isinstance(event, Skipped)]
    assert skipped == [Skipped(name="large", cost="ops", value=large, bound=Band(maximum=10000))]
    assert str(skipped[0]) == "skipped large: ops must be at most 10,000, but is 18,592"
    assert "large" not in {record.candidate for record in study.records()}


def test_an_architecture_is_trained_once(search: Search, eight: SearchSpace) -> None:
    table = tables.Table()
    summary, study = search(eight, table, trials=8)
    assert sorted(table.asked) == sorted(set(table.asked))
    assert len(table.asked) == 8
    assert summary.end.message == "all 8 trials are done"
    duplicates = [record for record in study.records() if record.outcome == "duplicate"]
    assert duplicates
    by_number = {record.number: record for record in study.records()}
    for record in duplicates:
        assert record.duplicate_of is not None
        original = by_number[record.duplicate_of]
        assert original.outcome == "finished"
        assert (record.digest, record.evaluation) == (original.digest, original.evaluation)
        values = frozen(study)[record.number].values
        assert values == frozen(study)[original.number].values


def test_an_exhausted_space_ends_the_search(search: Search, eight: SearchSpace) -> None:
    summary, _ = search(eight, trials=100)
    assert summary.end.reason == "exhausted"
    assert summary.end.message == "all 8 architectures of the space eight were proposed"
    assert summary.counts["finished"] == 8


def test_candidates_outside_the_bounds_are_recorded_and_never_trained(
    search: Search, eight: SearchSpace
) -> None:
    table = tables.Table()
    bound = 10000
    summary, study = search(eight, table, trials=100, bounds={"ops": {"maximum": bound}})
    infeasible = [record for record in study.records() if record.outcome == "infeasible"]
    assert summary.counts["infeasible"] == len(infeasible) > 0
    assert all(record.costs.ops > bound for record in infeasible)
    assert not {record.digest for record in infeasible} & set(table.asked)
    for record in infeasible:
        trial = frozen(study)[record.number]
        assert trial.state == TrialState.COMPLETE
        assert trial.values == [0.0, record.costs.ops]
        assert trial.constraints == {"ops": pytest.approx(record.costs.ops / bound - 1)}
        assert record.objectives(study.objectives) == {"ops": record.costs.ops}
    trained = [record for record in study.records() if record.outcome == "finished"]
    assert all(record.costs.ops <= bound for record in trained)


def test_a_band_bounds_from_below_too(search: Search, eight: SearchSpace) -> None:
    low, high = 6000, 12000
    band = {"ops": {"minimum": low, "maximum": high}}
    _, study = search(eight, trials=100, bounds=band)
    finished = [record for record in study.records() if record.outcome == "finished"]
    assert finished
    assert all(low <= record.costs.ops <= high for record in finished)


def test_proposals_that_lead_nowhere_end_the_search(
    search: Search, many: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bnas.search.proposer.MAX_UNPRODUCTIVE", 20)
    summary, study = search(many, trials=3, bounds={"ops": {"maximum": 1}})
    assert summary.end.reason == "unproductive"
    assert summary.end.message == (
        "20 proposals in a row were outside the bounds or proposed before; "
        "widen the bounds or the space to find more"
    )
    assert summary.counts["infeasible"] == study.num_trials == 20


class Stubborn(optuna.samplers.BaseSampler):
    """Always takes the first option, whatever became of it."""

    def __init__(self, seed: int) -> None:
        del seed

    def infer_relative_search_space(self, *_: object) -> dict[str, Any]:
        return {}

    def sample_relative(self, *_: object) -> dict[str, Any]:
        return {}

    def sample_independent(self, *arguments: Any) -> Any:
        return arguments[-1].choices[0]


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_chance_helps_out_a_sampler_that_repeats_itself(
    search: Search, many: SearchSpace, monkeypatch: pytest.MonkeyPatch, sampler: SamplerName
) -> None:
    monkeypatch.setitem(samplers.SAMPLERS, sampler, Stubborn)
    summary, study = search(many, trials=12, sampler=sampler)
    assert summary.counts["finished"] == 12
    outcomes = "".join(record.outcome[0] for record in study.records())
    # The first repeats are the sampler's; after them a random one may be a repeat, too.
    max_repeats = samplers.MAX_REPEATS[sampler]
    assert max(map(len, outcomes.split("f"))) < max_repeats + 4
    assert "d" * max_repeats in outcomes


def test_a_failed_trial_counts_and_is_told_as_failed(search: Search, eight: SearchSpace) -> None:
    failing = digest(dict(eight.first_candidates)["large"])
    summary, study = search(eight, tables.Table(failing=frozenset({failing})), trials=3)
    assert summary.counts["finished"] == 2
    assert summary.counts["failed"] == 1
    record = study.records()[1]
    trial = frozen(study)[1]
    assert record.error == "EvaluationFailed: the loss must stay finite, but it is nan"
    assert trial.state == TrialState.FAIL
    assert "in evaluate" in trial.user_attrs["traceback"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_not_a_number_is_a_failure(
    search: Search, eight: SearchSpace, value: float
) -> None:
    large = digest(dict(eight.first_candidates)["large"])
    _, study = search(eight, tables.Table(scores={large: value}), trials=2)
    record = study.records()[1]
    assert record.outcome == "failed"
    assert record.error == f"accuracy must be a number, but it is {value}"


def test_events_tell_what_the_study_records(
    search: Search, eight: SearchSpace, events: list[Event]
) -> None:
    _, study = search(eight, trials=8)
    ended = [event.record for event in events if isinstance(event, Ended)]
    assert sorted(ended, key=lambda record: record.number) == study.records()
    started = [event.record.number for event in events if isinstance(event, Started)]
    assert started == [r.number for r in study.records() if r.outcome == "finished"]


def test_a_duplicate_of_a_running_trial_waits_for_its_result(
    journal: Path, eight: SearchSpace
) -> None:
    study = Study.create(journal, ("accuracy", "ops"))
    proposer, events = proposer_on(study, eight, trials=8, workers=8)
    running = [proposed(proposer) for _ in range(8)]
    waiting = [r for r in study.records() if r not in running]
    assert waiting
    assert not [event for event in events if isinstance(event, Ended)]
    for record in running:
        proposer.finish(record.number, score(0.5 + record.number / 100))
    by_number = {record.number: record for record in study.records()}
    for record in waiting:
        told = by_number[record.number]
        assert told.outcome == "duplicate"
        assert told.duplicate_of is not None
        assert told.evaluation == by_number[told.duplicate_of].evaluation
    assert counts(study.records())["running"] == 0


def test_a_duplicate_of_a_failed_trial_is_told_as_failed(journal: Path, eight: SearchSpace) -> None:
    study = Study.create(journal, ("accuracy", "ops"))
    proposer, _ = proposer_on(study, eight, trials=8, workers=8)
    running = [proposed(proposer) for _ in range(8)]
    for record in running:
        proposer.fail(record.number, "out of memory")
    duplicates = [r for r in study.records() if r.outcome == "duplicate"]
    assert duplicates
    for record in duplicates:
        assert (record.error, record.evaluation) == ("out of memory", None)
        assert frozen(study)[record.number].state == TrialState.FAIL


def test_a_proposer_takes_over_what_an_interruption_left(journal: Path, eight: SearchSpace) -> None:
    study = Study.create(journal, ("accuracy", "ops"))
    first, _ = proposer_on(study, eight, trials=8, workers=8)
    running = [proposed(first) for _ in range(8)]
    for record in running[:3]:
        first.finish(record.number, score(0.5))
    waiting = counts(study.records())["running"] - 5
    assert waiting > 0

    again = Study.load(journal, mend=True)
    second, _ = proposer_on(again, eight, trials=8)
    assert second.num_running == 5
    adopted = [proposed(second) for _ in range(5)]
    assert [(r.number, r.architecture) for r in adopted] == [
        (r.number, r.architecture) for r in running[3:]
    ]
    for record in adopted:
        second.finish(record.number, score(0.6))
    assert counts(again.records())["running"] == 0
    assert counts(again.records())["finished"] == 8
    assert not isinstance(second.propose(), TrialRecord)


def test_a_trial_killed_before_it_had_an_architecture_is_not_listed(
    journal: Path, eight: SearchSpace
) -> None:
    study = Study.create(journal, ("accuracy", "ops"))
    study.ask(optuna.samplers.RandomSampler(seed=0))
    proposer, _ = proposer_on(study, eight, trials=1)
    assert frozen(study)[0].state == TrialState.FAIL
    assert frozen(study)[0].user_attrs == {"outcome": "abandoned"}
    record = proposed(proposer)
    proposer.finish(record.number, score(0.5))
    assert [r.number for r in study.records()] == [1]


def test_a_trial_killed_before_its_recorded_outcome_was_told_is_not_run_again(
    journal: Path, eight: SearchSpace
) -> None:
    study = Study.create(journal, ("accuracy", "ops"))
    first, _ = proposer_on(study, eight, trials=2)
    record = proposed(first)
    first.finish(record.number, score(0.5))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))

    again = Study.load(journal, mend=True)
    assert frozen(again)[0].state == TrialState.RUNNING
    second, events = proposer_on(again, eight, trials=2)
    assert frozen(again)[0].values == [0.5, record.costs.ops]
    assert [event.record.outcome for event in events if isinstance(event, Ended)] == ["finished"]
    assert proposed(second).number == 1


def test_a_study_killed_after_any_line_is_gone_on_with(
    search: Search, eight: SearchSpace, journal: Path
) -> None:
    """Whatever a killed process left, no finished trial is lost or repeated, and the rest ends."""
    candidates = {name: digest(architecture) for name, architecture in eight.first_candidates}
    largest = tables.cost(dict(eight.first_candidates)["large"]).packed_bytes
    settings = {"trials": 3, "bounds": {"packed_bytes": {"maximum": largest}}, "seed": 1}
    search(eight, **settings)
    lines = journal.read_bytes().splitlines(keepends=True)
    for kept in range(2, len(lines)):
        journal.write_bytes(b"".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2])
        before = {r.number: r for r in Study.load(journal).records() if r.outcome == "finished"}
        table = tables.Table()
        _, study = search(eight, table, **settings)
        after = {r.number: r for r in study.records()}
        assert {number: after[number] for number in before} == before
        assert not {r.digest for r in before.values()} & set(table.asked)
        found = counts(study.records())
        assert (found["finished"], found["running"]) == (3, 0)
        assert {r.candidate: r.digest for r in after.values() if r.candidate} == candidates
        assert all(trial.state.is_finished() for trial in frozen(study))


def test_a_full_disk_ends_the_search_with_a_remedy(
    search: Search, eight: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "study.journal")

    def fill(_: str) -> None:
        monkeypatch.setattr(Study, "annotate", full)

    message = (
        r"^a run must be able to write its folder, but \[Errno 28\] No space left on device: "
        r"'study\.journal'; free space or correct permissions, then resume the run: everything "
        r"recorded before is kept$"
    )
    with pytest.raises(RunError, match=message):
        search(eight, tables.Table(before_each=fill), trials=3)
    monkeypatch.undo()
    summary, _ = search(eight, trials=3)
    assert summary.counts["finished"] == 3
