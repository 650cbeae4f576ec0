"""Rank correlations with bootstrap intervals, all resamples at once.

Both coefficients follow from the signs of all differences, s_ij = sign(x_i - x_j): Kendall's as
the correlation of the signs, Spearman's as that of their sums over j, which are the ranks (Daniels,
Biometrika 1944). A resample is then a vector of weights, how often each item was drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
# Weights (B, n) of n items in B resamples, then the signs (n, n) of two or three variables.
Statistic = Callable[..., Array]

LEVEL: Final = 0.95
NUM_RESAMPLES: Final = 4000
_LEAST_ITEMS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A coefficient with its 95 % interval.

    Attributes:
        value: In [-1, 1]; None where it is not defined, as all values of a variable are equal.
        low: Lower end of the interval; None where there are too few items to tell.
        high: Its upper end.
        n: Items.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of it."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def signs(x_n: Sequence[float]) -> Array:
    """sign(x_i - x_j) of all pairs, (n, n); infinite values are equal to their like."""
    x = np.asarray(x_n, dtype=np.float64)
    return (x[:, None] > x).astype(np.float64) - (x[:, None] < x)


def kendall(weights_Bn: Array, x_nn: Array, y_nn: Array) -> Array:
    """Kendall's tau-b of each resample, (B,); NaN where a variable is constant."""

    def total(matrix_nn: Array) -> Array:
        sums: Array = ((weights_Bn @ matrix_nn) * weights_Bn).sum(1)
        return sums

    return _ratio(total(x_nn * y_nn), total(x_nn**2) * total(y_nn**2))


def spearman(weights_Bn: Array, x_nn: Array, y_nn: Array) -> Array:
    """Spearman's rho of each resample, (B,), ties at their mean rank; NaN as of `kendall`."""
    x, y = weights_Bn @ x_nn.T, weights_Bn @ y_nn.T
    return _ratio(
        (weights_Bn * x * y).sum(1), (weights_Bn * x**2).sum(1) * (weights_Bn * y**2).sum(1)
    )


def partial_spearman(weights_Bn: Array, x_nn: Array, y_nn: Array, z_nn: Array) -> Array:
    """Spearman's rho of x and y for equal z: the partial correlation of their ranks."""
    xy = spearman(weights_Bn, x_nn, y_nn)
    xz, yz = spearman(weights_Bn, x_nn, z_nn), spearman(weights_Bn, y_nn, z_nn)
    return _ratio(xy - xz * yz, np.maximum((1 - xz**2) * (1 - yz**2), 0.0))


def estimate(statistic: Statistic, *variables: Sequence[float]) -> Correlation:
    """A coefficient with its bootstrap interval, bias-corrected and accelerated (BCa).

    Efron, "Better Bootstrap Confidence Intervals" (JASA 1987): items are drawn with replacement,
    always alike. There is no interval of less than four items, and none where all resamples agree,
    as those of a perfect correlation do: an error is then too rare to be seen, not impossible.

    Args:
        statistic: Which coefficient.
        variables: As many as it takes, of equal length; may be infinite, not NaN.
    """
    n = len(variables[0])
    matrices = [signs(variable) for variable in variables]
    value = float(statistic(np.ones((1, n)), *matrices)[0]) if n > 1 else np.nan
    if np.isnan(value):
        return Correlation(value=None, low=None, high=None, n=n)
    if n < _LEAST_ITEMS:
        return Correlation(value=value, low=None, high=None, n=n)
    resampled = statistic(_resamples(n), *matrices)
    jackknifed = statistic(1.0 - np.eye(n), *matrices)
    low, high = _bca(value, resampled[~np.isnan(resampled)], jackknifed[~np.isnan(jackknifed)])
    if low == high:
        return Correlation(value=value, low=None, high=None, n=n)
    return Correlation(value=value, low=low, high=high, n=n)


def _resamples(n: int) -> Array:
    """How often each of n items is drawn, (NUM_RESAMPLES, n)."""
    rng = np.random.default_rng(n)
    return rng.multinomial(n, np.full(n, 1 / n), size=NUM_RESAMPLES).astype(np.float64)


def _bca(value: float, resampled_B: Array, jackknifed_n: Array) -> tuple[float, float]:
    from scipy.special import ndtr, ndtri

    below = ((resampled_B < value).sum() + (resampled_B == value).sum() / 2) / len(resampled_B)
    # At the ends a share of 0 or 1 would have an infinite quantile.
    bias = ndtri(np.clip(below, 1 / len(resampled_B), 1 - 1 / len(resampled_B)))
    deviation = jackknifed_n.mean() - jackknifed_n
    spread = (deviation**2).sum() ** 1.5
    acceleration = (deviation**3).sum() / (6 * spread) if spread > 0 else 0.0
    quantile = ndtri(np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    shifted = bias + quantile
    shares = ndtr(bias + shifted / (1 - acceleration * shifted))
    low, high = np.quantile(resampled_B, shares)
    return float(low), float(high)


def _ratio(numerator_B: Array, product_B: Array) -> Array:
    """Quotient by the root of the product of two variances; NaN where that is 0."""
    # Of a constant variable, rounding leaves nothing: its signs are all 0.
    root = np.sqrt(product_B)
    return np.divide(numerator_B, root, out=np.full_like(root, np.nan), where=root > 1e-12)
