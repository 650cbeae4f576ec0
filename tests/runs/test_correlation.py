"""Rank correlations against SciPy, and what their intervals cover."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bnas.runs.fidelity.correlation import (
    Array,
    Statistic,
    estimate,
    kendall,
    partial_spearman,
    signs,
    spearman,
)

pytestmark = pytest.mark.usefixtures("untouched_global_random")

SCIPY: dict[Statistic, Callable[[Array, Array], float]] = {
    spearman: lambda x, y: stats.spearmanr(x, y).statistic,
    kendall: lambda x, y: stats.kendalltau(x, y).statistic,
}
STATISTICS = pytest.mark.parametrize("statistic", SCIPY, ids=["spearman", "kendall"])


def pair(n: int, seed: int, *, correlation: float = 0.6, ties: bool = False) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = correlation * x + math.sqrt(1 - correlation**2) * rng.normal(size=n)
    return (x.round(), y.round()) if ties else (x, y)


@STATISTICS
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_scipy(statistic: Statistic, ties: bool, seed: int) -> None:
    x, y = pair(14, seed, ties=ties)
    found = estimate(statistic, list(x), list(y))
    assert found.value == pytest.approx(SCIPY[statistic](x, y), abs=1e-12)
    assert found.n == 14


@STATISTICS
def test_weights_are_how_often_an_item_is_drawn(statistic: Statistic) -> None:
    x, y = pair(9, 4)
    drawn = np.array([0, 0, 2, 3, 3, 3, 5, 7, 8])
    weights = np.bincount(drawn, minlength=9)[None].astype(float)
    expected = SCIPY[statistic](x[drawn], y[drawn])
    assert statistic(weights, signs(list(x)), signs(list(y)))[0] == pytest.approx(expected)


def test_the_partial_one_is_that_of_the_residuals_of_ranks() -> None:
    x, y = pair(20, 0)
    z = x + pair(20, 1)[1]
    ranks = [stats.rankdata(values) for values in (x, y, z)]
    line = [stats.linregress(ranks[2], rank) for rank in ranks[:2]]
    rest = [
        rank - fit.slope * ranks[2] - fit.intercept
        for rank, fit in zip(ranks[:2], line, strict=True)
    ]
    expected = np.corrcoef(*rest)[0, 1]
    found = estimate(partial_spearman, list(x), list(y), list(z))
    assert found.value == pytest.approx(expected, abs=1e-12)


def test_an_infinite_value_is_the_last() -> None:
    found = estimate(spearman, [1.0, 2.0, 3.0, 4.0], [-math.inf, -math.inf, 1.0, 2.0])
    expected = stats.spearmanr([1, 2, 3, 4], [0, 0, 1, 2]).statistic
    assert found.value == pytest.approx(expected)


@STATISTICS
def test_where_nothing_can_be_said_there_is_nothing(statistic: Statistic) -> None:
    constant = estimate(statistic, [1.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert (constant.value, constant.low, constant.high) == (None, None, None)
    few = estimate(statistic, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    assert few.value is not None
    assert (few.low, few.high) == (None, None)
    perfect = estimate(statistic, *[[float(i) for i in range(9)]] * 2)
    assert perfect.value == pytest.approx(1)
    assert (perfect.low, perfect.high) == (None, None)
    assert estimate(statistic, [], []).value is None


@STATISTICS
def test_the_interval_covers_the_truth_as_often_as_it_says(statistic: Statistic) -> None:
    correlation, number = 0.7, 250
    # Of a bivariate normal distribution (Kendall, Rank Correlation Methods).
    truth = {
        spearman: 6 / math.pi * math.asin(correlation / 2),
        kendall: 2 / math.pi * math.asin(correlation),
    }[statistic]
    found = [
        estimate(statistic, *map(list, pair(20, seed, correlation=correlation)))
        for seed in range(number)
    ]
    covered = sum(f.low <= truth <= f.high for f in found if f.low is not None)  # type: ignore[operator]
    # 95 % and three standard errors of a share of 250.
    assert 0.95 - 0.042 <= covered / number <= 0.95 + 0.042


def test_the_same_items_have_the_same_interval() -> None:
    x, y = map(list, pair(12, 7))
    assert estimate(spearman, x, y) == estimate(spearman, x, y)
