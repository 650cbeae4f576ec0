"""Pareto dominance and hypervolume of two or three objectives.

All functions take values of shape (n, m), one row a point, and the direction of each of the m
columns. A point dominates another when it is at least as good everywhere and better somewhere, so
equal points do not dominate each other: both are on the front. NaN has no place in an order and is
refused. The algorithms are moocore's (O(n log n) dimension sweeps for m <= 3).
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnas.search.objectives import ACCURACY, Direction, ObjectiveName, direction

Points = NDArray[np.float64]


def non_dominated(values: ArrayLike, directions: Sequence[Direction]) -> NDArray[np.bool_]:
    """Marks the points that no other point dominates, shape (n,); ties are all marked.

    Raises:
        ValueError: the shape is not (n, len(directions)), or a value is NaN.
    """
    import moocore

    points = _minimised(values, directions)
    return cast("NDArray[np.bool_]", moocore.is_nondominated(points, keep_weakly=True))


def ranks(values: ArrayLike, directions: Sequence[Direction]) -> NDArray[np.intp]:
    """Numbers the fronts that are left when better fronts are peeled off, shape (n,), from 0.

    Source: Deb et al. 2002 (NSGA-II), non-dominated sorting.

    Raises:
        ValueError: the shape is not (n, len(directions)), or a value is NaN.
    """
    import moocore

    points = _minimised(values, directions)
    if len(points) == 0:
        return np.empty(0, dtype=np.intp)
    return cast("NDArray[np.intp]", moocore.pareto_rank(points).astype(np.intp))


def hypervolume(
    values: ArrayLike, reference: ArrayLike, objectives: Sequence[ObjectiveName]
) -> float:
    """Volume between the front and the reference point, accuracy times log10 of each cost.

    A point that is not better than the reference in every objective adds nothing. Doubling a cost
    moves a point by log10(2) wherever it lies, so cheap and expensive designs weigh alike.

    Args:
        values: Points in the units of the objectives, shape (n, m).
        reference: The worst point that counts, shape (m,).
        objectives: Names of the m columns.

    Raises:
        ValueError: a shape does not match, a value is NaN, or a cost is not positive.
    """
    import moocore

    directions = [direction(name) for name in objectives]
    points = _minimised(_log_costs(values, objectives), directions)
    worst = _minimised(_log_costs(np.atleast_2d(reference), objectives), directions)[0]
    inside = points[(points < worst).all(axis=1)]
    return float(moocore.hypervolume(inside, ref=worst)) if len(inside) else 0.0


def _minimised(values: ArrayLike, directions: Sequence[Direction]) -> Points:
    points = _matrix(values, len(directions))
    signs = [-1.0 if name == "maximize" else 1.0 for name in directions]
    return points * np.asarray(signs, dtype=np.float64)


def _log_costs(values: ArrayLike, objectives: Sequence[ObjectiveName]) -> Points:
    points = _matrix(values, len(objectives)).copy()
    costs = [column for column, name in enumerate(objectives) if name != ACCURACY]
    if not (points[:, costs] > 0).all():
        raise ValueError("costs must be positive to be drawn on a logarithmic axis")
    points[:, costs] = np.log10(points[:, costs])
    return points


def _matrix(values: ArrayLike, num_objectives: int) -> Points:
    points = np.asarray(values, dtype=np.float64)
    if points.size == 0:
        return np.empty((0, num_objectives))
    if points.ndim != 2 or points.shape[1] != num_objectives:
        raise ValueError(f"values must have shape (n, {num_objectives}), but got {points.shape}")
    if np.isnan(points).any():
        raise ValueError("values must be numbers, but some are NaN")
    return points
