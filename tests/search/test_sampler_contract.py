"""What every sampler must do, whatever it proposes."""

import warnings
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from bnas.architecture import digest
from bnas.search.engine import run_search
from bnas.search.samplers import build_sampler
from bnas.search.settings import SamplerName, SearchSettings
from bnas.search.study import Study
from bnas.search.trials import TrialRecord
from bnas.space import SearchSpace
from tests.search import tables
from tests.search.tables import Search

SAMPLERS = [
    # A second a proposal.
    pytest.param(name, marks=pytest.mark.slow) if name == "gp" else name
    for name in get_args(SamplerName)
]


def searched(
    path: Path, space: SearchSpace, table: tables.Table | None = None, **values: Any
) -> list[TrialRecord]:
    settings = SearchSettings.model_validate({"engine": "inline", **values})
    study = (
        Study.load(path, mend=True) if path.exists() else Study.create(path, settings.objectives)
    )
    run_search(
        study,
        settings=settings,
        space=space,
        cost=tables.cost,
        evaluator=lambda: table or tables.Table(),
    )
    return study.records()


@pytest.fixture(scope="module")
def bound(many: SearchSpace) -> float:
    """An upper bound on OPs that one random candidate in five keeps."""
    rng = np.random.default_rng(0)
    return float(np.quantile([tables.cost(many.sample(rng)).ops for _ in range(300)], 0.2))


@pytest.mark.parametrize("sampler", SAMPLERS)
class TestSampler:
    def test_trains_no_architecture_twice_and_leaves_no_trial_open(
        self, sampler: SamplerName, tmp_path: Path, eight: SearchSpace
    ) -> None:
        table = tables.Table()
        records = searched(tmp_path / "journal", eight, table, sampler=sampler, trials=8)
        assert len(table.asked) == len(set(table.asked))
        assert {record.outcome for record in records} <= {"finished", "duplicate"}

    def test_goes_on_after_failed_trials(
        self, sampler: SamplerName, tmp_path: Path, many: SearchSpace
    ) -> None:
        rng = np.random.default_rng(0)
        failing = frozenset(digest(many.sample(rng)) for _ in range(3))
        records = searched(
            tmp_path / "journal",
            many,
            tables.Table(failing=failing, scores={}),
            sampler=sampler,
            trials=14,
        )
        assert sum(record.outcome in {"finished", "failed"} for record in records) == 14

    def test_same_seed_same_trials(
        self, sampler: SamplerName, tmp_path: Path, many: SearchSpace
    ) -> None:
        runs = [
            [
                (record.number, record.digest, record.outcome)
                for record in searched(
                    tmp_path / f"{run}", many, sampler=sampler, trials=14, seed=seed
                )
            ]
            for run, seed in enumerate((3, 3, 4))
        ]
        assert runs[0] == runs[1]
        assert runs[0] != runs[2]

    def test_a_search_in_parts_proposes_what_it_would_have_in_one(
        self, sampler: SamplerName, tmp_path: Path, many: SearchSpace, bound: float
    ) -> None:
        bounds = {"ops": {"maximum": 2 * bound}}
        whole = searched(tmp_path / "whole", many, sampler=sampler, trials=14, bounds=bounds)
        parts = [
            searched(tmp_path / "parts", many, sampler=sampler, trials=trials, bounds=bounds)
            for trials in (5, 11, 14)
        ]
        assert parts[-1] == whole

    @pytest.mark.usefixtures("untouched_global_random")
    def test_touches_no_global_generator(
        self, sampler: SamplerName, tmp_path: Path, many: SearchSpace
    ) -> None:
        if sampler == "gp":
            pytest.skip("importing torch, which this sampler does, draws a seed")
        searched(tmp_path / "journal", many, sampler=sampler, trials=12)

    def test_is_built_without_a_warning(self, sampler: SamplerName) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            build_sampler(sampler, seed=0, number=0)


def infeasible_share(records: list[TrialRecord]) -> float:
    """Share of infeasible proposals in the second half."""
    late = records[len(records) // 2 :]
    return sum(record.outcome == "infeasible" for record in late) / len(late)


@pytest.mark.parametrize(
    ("sampler", "trials"),
    [("tpe", 20), ("nsga2", 20), pytest.param("gp", 12, marks=pytest.mark.slow)],
)
def test_a_sampler_learns_where_the_bounds_are(
    sampler: SamplerName, trials: int, tmp_path: Path, many: SearchSpace, bound: float
) -> None:
    bounds = {"ops": {"maximum": bound}}
    found = {
        name: infeasible_share(
            searched(tmp_path / name, many, sampler=name, trials=trials, bounds=bounds)
        )
        for name in (sampler, "random")
    }
    assert found["random"] > 0.6
    assert found[sampler] < found["random"] - 0.2


def test_the_first_candidates_do_not_depend_on_the_sampler(
    search: Search, eight: SearchSpace
) -> None:
    _, study = search(eight, trials=2, sampler="tpe")
    assert [record.candidate for record in study.records()] == ["small", "large"]
