"""Dominance and hypervolume against definitions spelled out in NumPy."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bnas.search.objectives import ObjectiveName, direction
from bnas.search.pareto import hypervolume, non_dominated, ranks

OBJECTIVES: dict[int, tuple[ObjectiveName, ...]] = {
    2: ("accuracy", "ops"),
    3: ("accuracy", "ops", "packed_bytes"),
}

# Few distinct values, so that ties, duplicates and points on the reference are common.
ACCURACIES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
COSTS = st.sampled_from([1.0, 2.0, 10.0, 100.0, 1e6, 1e7])


def points(num_objectives: int) -> st.SearchStrategy[list[tuple[float, ...]]]:
    point = st.tuples(ACCURACIES, *[COSTS] * (num_objectives - 1))
    return st.lists(point, min_size=0, max_size=8)


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Accuracy is maximised, the rest minimised."""
    at_least = a[0] >= b[0] and all(x <= y for x, y in zip(a[1:], b[1:], strict=True))
    return at_least and tuple(a) != tuple(b)


def peeled(values: list[tuple[float, ...]]) -> list[int]:
    found = [-1] * len(values)
    for rank in itertools.count():
        left = [i for i, known in enumerate(found) if known < 0]
        if not left:
            return found
        best = [i for i in left if not any(dominates(values[j], values[i]) for j in left)]
        for i in best:
            found[i] = rank
    raise AssertionError


def volume_by_cells(values: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """Adds up the cells of the grid through all points that some point dominates."""
    if not values:
        return 0.0
    minimised: NDArray[np.float64] = np.array([[-v[0], *np.log10(v[1:])] for v in values])
    worst = np.array([-reference[0], *np.log10(reference[1:])])
    edges = [np.unique([*minimised[:, m], worst[m]]) for m in range(len(worst))]
    total = 0.0
    for cell in itertools.product(*(itertools.pairwise(e) for e in edges)):
        low, high = np.array(cell).T
        if (high <= worst).all() and (minimised <= low).all(axis=1).any():
            total += float(np.prod(high - low))
    return total


@pytest.mark.parametrize("num_objectives", [2, 3])
def test_dominance_agrees_with_its_definition(num_objectives: int) -> None:
    objectives = OBJECTIVES[num_objectives]
    directions = [direction(name) for name in objectives]

    @given(points(num_objectives))
    def check(values: list[tuple[float, ...]]) -> None:
        expected = peeled(values)
        assert ranks(values, directions).tolist() == expected
        assert non_dominated(values, directions).tolist() == [rank == 0 for rank in expected]

    check()


@pytest.mark.parametrize("num_objectives", [2, 3])
def test_hypervolume_agrees_with_a_sum_of_cells(num_objectives: int) -> None:
    @given(points(num_objectives), st.tuples(ACCURACIES, *[COSTS] * (num_objectives - 1)))
    def check(values: list[tuple[float, ...]], reference: tuple[float, ...]) -> None:
        found = hypervolume(values, reference, OBJECTIVES[num_objectives])
        assert found == pytest.approx(volume_by_cells(values, reference), abs=1e-12)

    check()


def test_hypervolume_is_accuracy_times_the_logarithm_of_cost() -> None:
    assert hypervolume([(0.6, 1e4)], (0.1, 1e6), ("accuracy", "ops")) == pytest.approx(0.5 * 2)
    two = [(0.6, 1e4), (0.8, 1e5)]
    assert hypervolume(two, (0.1, 1e6), ("accuracy", "ops")) == pytest.approx(0.5 * 2 + 0.2)


@pytest.mark.parametrize("outside", [(0.1, 1e4), (0.05, 1e4), (0.6, 1e6), (0.6, 1e7)])
def test_points_not_better_than_the_reference_add_nothing(outside: tuple[float, float]) -> None:
    assert hypervolume([outside], (0.1, 1e6), ("accuracy", "ops")) == 0.0
    inside = [(0.6, 1e4)]
    alone = hypervolume(inside, (0.1, 1e6), ("accuracy", "ops"))
    assert hypervolume([*inside, outside], (0.1, 1e6), ("accuracy", "ops")) == alone


def test_equal_points_are_all_on_the_front() -> None:
    values = [(0.5, 10.0), (0.5, 10.0), (0.4, 10.0)]
    assert non_dominated(values, ["maximize", "minimize"]).tolist() == [True, True, False]


def test_what_cannot_be_ordered_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^values must be numbers, but some are NaN$"):
        non_dominated([(float("nan"), 1.0)], ["maximize", "minimize"])
    with pytest.raises(ValueError, match=r"^values must have shape \(n, 2\), but got \(1, 3\)$"):
        ranks([(0.5, 1.0, 1.0)], ["maximize", "minimize"])
    with pytest.raises(
        ValueError, match=r"^costs must be positive to be drawn on a logarithmic axis$"
    ):
        hypervolume([(0.5, 0.0)], (0.1, 1.0), ("accuracy", "ops"))
