import itertools
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnas.search.halving import MEMORY, Halving, Rungs, place, spread
from bnas.search.objectives import ObjectiveName

OBJECTIVES: Final[tuple[ObjectiveName, ...]] = ("accuracy", "ops")


def halving(**values: int) -> Halving:
    return Halving(Rungs(**values), epochs=27, objectives=OBJECTIVES)


def entered(rung: Halving, number: int, accuracy: float, ops: float) -> bool:
    rung.enter(number, rung.epochs[0], {"accuracy": accuracy, "ops": ops})
    return rung.goes_on(number, rung.epochs[0])


@pytest.mark.parametrize(
    ("rungs", "budget", "epochs"),
    [
        (Rungs(), 27, (1, 3, 9)),
        (Rungs(), 28, (1, 3, 9, 27)),
        (Rungs(first=2, factor=2), 8, (2, 4)),
        (Rungs(first=5), 5, ()),
    ],
)
def test_rungs_grow_by_the_factor_and_lie_before_the_end(
    rungs: Rungs, budget: int, epochs: tuple[int, ...]
) -> None:
    assert rungs.epochs(budget) == epochs


def dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def brute_force_ranks(points: list[tuple[float, ...]]) -> list[int]:
    ranks = [-1] * len(points)
    for rank in itertools.count():
        left = [i for i, r in enumerate(ranks) if r < 0]
        if not left:
            return ranks
        best = [i for i in left if not any(dominates(points[j], points[i]) for j in left)]
        for i in best:
            ranks[i] = rank
    raise AssertionError


def brute_force_order(points: list[tuple[float, ...]]) -> list[int]:
    """Farthest first, from the best first coordinate, recomputed from scratch at each step."""
    axes = list(zip(*points, strict=True))
    extents = [max(axis) - min(axis) or 1.0 for axis in axes]

    def distance(a: int, b: int) -> float:
        pairs = zip(points[a], points[b], extents, strict=True)
        return sum(((x - y) / e) ** 2 for x, y, e in pairs)

    order = [min(range(len(points)), key=lambda i: (points[i][0], i))]
    while len(order) < len(points):
        left = [i for i in range(len(points)) if i not in order]
        order.append(max(left, key=lambda i: (min(distance(i, j) for j in order), -i)))
    return order


# Few values, so that ties occur; multiples of 1/8, so that sums are exact in any order.
POINTS = st.integers(2, 3).flatmap(
    lambda m: st.lists(st.tuples(*[st.integers(0, 8).map(lambda i: i / 8)] * m), min_size=1)
)


@given(POINTS)
def test_places_are_those_of_brute_force(points: list[tuple[float, ...]]) -> None:
    ranks = brute_force_ranks(points)
    expected: list[int] = []
    for rank in range(max(ranks) + 1):
        peers = [i for i, r in enumerate(ranks) if r == rank]
        expected += [peers[i] for i in spread(np.array([points[i] for i in peers]))]
    places = [place(i, np.array(points), np.array(ranks)) for i in range(len(points))]
    assert [expected[p] for p in places] == list(range(len(points)))


@given(st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 4.0])] * 2), min_size=1, max_size=12))
def test_the_order_within_a_front_is_farthest_first(points: list[tuple[float, ...]]) -> None:
    # Both ends occur, so extents are powers of two and distances exact.
    points = [(0.0, 4.0), (4.0, 0.0), *points]
    assert spread(np.array(points)) == brute_force_order(points)


def test_one_in_factor_goes_on_where_each_dominates_the_next() -> None:
    rung = halving()
    for number in range(99):
        entered(rung, number, 1 - number / 100, 100 + number)
    assert [number for number in range(99) if rung.goes_on(number, 1)] == list(range(33))


def test_one_in_factor_goes_on_among_equals_in_rank() -> None:
    rung = halving()
    entered(rung, 0, 1.0, 1)
    for number in range(1, 99):
        entered(rung, number, number / 100, 10 ** (number / 10))
    assert sum(rung.goes_on(number, 1) for number in range(99)) == 33


def test_what_no_other_dominates_always_goes_on() -> None:
    rung = halving()
    for number in range(99):
        entered(rung, number, number / 100, 10 ** (number / 10))
    assert all(rung.goes_on(number, 1) for number in range(99))


def test_a_trial_goes_on_at_once_while_it_is_the_best_seen() -> None:
    rung = halving()
    assert entered(rung, 0, 0.5, 100)
    assert not entered(rung, 1, 0.4, 200)
    assert entered(rung, 2, 0.6, 90)


def test_more_operations_for_the_same_accuracy_are_worse() -> None:
    rung = halving()
    entered(rung, 0, 0.5, 100)
    entered(rung, 1, 0.5, 200)
    assert [rung.goes_on(number, 1) for number in (0, 1)] == [True, False]


def test_a_trial_that_is_begun_anew_is_there_once() -> None:
    rung = halving(factor=2)
    entered(rung, 0, 0.5, 100)
    entered(rung, 1, 0.9, 100)
    assert not entered(rung, 0, 0.5, 100)
    assert entered(rung, 0, 0.95, 100)


def test_a_rung_forgets_the_oldest() -> None:
    rung = halving(factor=MEMORY)
    for number in range(MEMORY + 1):
        entered(rung, number, 1 - number / (2 * MEMORY), 100)
    # Number 0 was the best; of those that are left it is number 1.
    assert rung.goes_on(1, 1)
    with pytest.raises(ValueError, match="0 is not in list"):
        rung.goes_on(0, 1)


def test_costs_are_compared_by_their_logarithm() -> None:
    # All behind number 0. The third place among the others is that farthest from both ends:
    # number 3 on a logarithmic axis, number 4 on a linear one.
    points = [(1.0, 1), (0.9, 10_000), (0.1, 10), (0.5, 300), (0.52, 4_000)]
    rung = Halving(Rungs(factor=2), epochs=3, objectives=OBJECTIVES)
    for number, (accuracy, ops) in enumerate(points):
        entered(rung, number, accuracy, ops)
    for number in range(5, 7):
        entered(rung, number, 0.05, 20_000 + number)
    assert [rung.goes_on(number, 1) for number in range(5)] == [True, True, True, True, False]
