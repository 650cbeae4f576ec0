import pytest

from bnas.search.front import front, front_hypervolume, reference_point
from bnas.search.settings import SearchSettings
from bnas.space import SearchSpace
from tests.search import tables
from tests.search.tables import Search


def test_the_front_is_of_finished_trials_cheapest_first(search: Search, eight: SearchSpace) -> None:
    _, study = search(eight, trials=8)
    found = front(study.records(), study.objectives)
    costs = [record.costs.ops for record in found]
    assert costs == sorted(costs)
    # A learnable threshold costs no operations, so the fixed one is dominated at every size.
    assert len(found) == 4
    assert all(record.choices["threshold"] == "learnable" for record in found)


def test_ties_all_stay_on_the_front(search: Search, eight: SearchSpace) -> None:
    digests = set(_digests(eight))
    _, study = search(eight, tables.Table(scores=dict.fromkeys(digests, 0.5)), trials=8)
    found = front(study.records(), study.objectives)
    assert len(found) == 2
    assert len({record.costs.ops for record in found}) == 1


def test_what_is_no_better_than_guessing_is_not_on_the_front(
    search: Search, eight: SearchSpace
) -> None:
    _, study = search(eight, trials=8)
    found = front(study.records(), study.objectives)
    worst = min(record.objectives(["accuracy"])["accuracy"] for record in found)
    left = front(study.records(), study.objectives, chance=worst)
    assert left == [r for r in found if r.objectives(["accuracy"])["accuracy"] > worst]


def test_failed_and_infeasible_trials_are_neither_on_the_front_nor_in_its_volume(
    search: Search, eight: SearchSpace
) -> None:
    large = tables.cost(dict(eight.first_candidates)["large"]).ops
    _, study = search(
        eight,
        tables.Table(failing=frozenset(_digests(eight))),
        trials=8,
        bounds={"ops": {"maximum": large - 1}},
    )
    assert front(study.records(), study.objectives) == []
    assert front_hypervolume(study.records(), study.objectives, (0.1, 1e6)) == 0.0


def test_the_reference_is_chance_and_the_bound_or_the_largest_candidate(eight: SearchSpace) -> None:
    candidates = [tables.cost(architecture) for _, architecture in eight.first_candidates]
    free = SearchSettings(objectives=("accuracy", "packed_bytes", "ops"))
    largest = (0.1, max(c.packed_bytes for c in candidates), max(c.ops for c in candidates))
    assert reference_point(free, chance=0.1, candidates=candidates) == largest
    bound = SearchSettings.model_validate({"bounds": {"ops": {"maximum": 2e6}}})
    assert reference_point(bound, chance=0.1, candidates=[]) == (0.1, 2e6)
    with pytest.raises(
        ValueError, match=r"^a reference point needs a bound on ops or a first candidate$"
    ):
        reference_point(SearchSettings(), chance=0.1, candidates=[])


def _digests(space: SearchSpace) -> set[str]:
    from bnas.architecture import digest

    found = {digest(architecture) for _, architecture in space.first_candidates}
    for _, architecture in space.first_candidates:
        found |= {digest(other) for other in space.neighbours(architecture)}
    return found | {
        digest(other)
        for _, architecture in space.first_candidates
        for near in space.neighbours(architecture)
        for other in space.neighbours(near)
    }
