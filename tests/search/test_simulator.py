from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from bnas.architecture import Architecture, digest
from bnas.cost import Totals
from bnas.errors import EvaluationFailed
from bnas.search.events import Event, Started
from bnas.search.halving import Halving, Rungs
from bnas.search.objectives import ObjectiveName
from bnas.search.proposer import Proposer
from bnas.search.settings import SearchSettings
from bnas.search.simulator import Curve, Simulated, simulate
from bnas.search.study import Study
from bnas.space import SearchSpace
from tests.search import tables
from tests.search.tables import Search

OBJECTIVES: Final[tuple[ObjectiveName, ...]] = ("accuracy", "ops")


@dataclass
class Curves:
    """Trainings of three epochs that take one, two, three ... seconds an epoch, in turn.

    Attributes:
        failing: Digests of architectures whose training diverges.
    """

    failing: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def cost(self, architecture: Architecture) -> Totals:
        return tables.cost(architecture)

    def curve(self, architecture: Architecture) -> Curve:
        name = digest(architecture)
        if name in self.failing:
            raise EvaluationFailed("the loss must stay finite, but it is nan")
        self.asked.append(name)
        final = tables.accuracy(architecture)
        accuracies = [final / 3, final / 2, final]
        return Curve(accuracies=accuracies, epoch_s=float(len(self.asked)))


def simulated(
    space: SearchSpace, curves: Curves, *, halving: bool = False, **values: Any
) -> tuple[Simulated, Study, list[Event]]:
    study, events = Study.in_memory(OBJECTIVES), list[Event]()
    workers, epochs = values.pop("workers", 1), values.pop("epochs", None)
    proposer = Proposer(
        study,
        settings=SearchSettings.model_validate({"engine": "inline", "sampler": "random", **values}),
        space=space,
        cost=tables.cost,
        listener=events.append,
        halving=Halving(Rungs(), epochs=3, objectives=OBJECTIVES) if halving else None,
    )
    ended = simulate(proposer, curves, listener=events.append, workers=workers, epochs=epochs)
    return ended, study, events


def test_one_worker_finds_what_the_inline_engine_finds(search: Search, many: SearchSpace) -> None:
    _, study = search(many, trials=6)
    _, simulated_study, _ = simulated(many, Curves(), trials=6)
    found = [
        [(record.digest, record.objectives(OBJECTIVES)) for record in each.records()]
        for each in (study, simulated_study)
    ]
    assert found[0] == found[1]


def test_time_and_epochs_add_up(eight: SearchSpace) -> None:
    ended, study, _ = simulated(eight, Curves(), trials=3)
    assert (ended.epochs, ended.seconds) == (9, 3 * (1 + 2 + 3))
    finished = [record for record in study.records() if record.outcome == "finished"]
    assert [r.evaluation.seconds for r in finished if r.evaluation is not None] == [3, 6, 9]


def test_workers_run_at_once_and_take_the_next_trial_when_they_are_free(many: SearchSpace) -> None:
    ended, _, events = simulated(many, Curves(), trials=4, workers=2)
    # Epochs of 1, 2, 3 and 4 seconds: 0-3 and 3-12 on one worker, 0-6 and 6-18 on the other.
    assert ended.seconds == 18
    started = [event.record.number for event in events if isinstance(event, Started)]
    assert started == [0, 1, 2, 3]
    assert isinstance(events[0], Started)
    assert isinstance(events[1], Started)


def test_a_failed_training_takes_no_time_and_the_next_one_follows(eight: SearchSpace) -> None:
    first = digest(dict(eight.first_candidates)["small"])
    ended, study, _ = simulated(eight, Curves(failing=frozenset({first})), trials=2)
    records = study.records()
    assert [record.outcome for record in records] == ["failed", "finished"]
    assert records[0].error == "the loss must stay finite, but it is nan"
    assert ended.epochs == 3


def test_no_trial_starts_after_the_last_epoch(many: SearchSpace) -> None:
    ended, study, _ = simulated(many, Curves(), trials=100, epochs=7)
    assert (ended.end.reason, ended.end.message) == ("epochs", "9 epochs were trained")
    assert len(study.records()) == 3


def test_same_seed_same_search(many: SearchSpace) -> None:
    runs = [
        [
            (record.digest, record.outcome)
            for record in simulated(
                many, Curves(), trials=40, workers=8, halving=True, sampler="tpe"
            )[1].records()
        ]
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("sampler", ["random", "nsga2"])
def test_ten_thousand_trials(sampler: str, many: SearchSpace) -> None:
    ended, study, _ = simulated(
        many, Curves(), trials=10_000, workers=8, halving=True, sampler=sampler
    )
    # The space has some nine thousand architectures.
    assert ended.end.reason in {"trials", "exhausted", "unproductive"}
    assert "running" not in {record.outcome for record in study.records()}
