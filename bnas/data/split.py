"""Which images train, which validate and which are kept for the final test."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

HELD_OUT_PART: Final = 6
"""One image in this many validates and another one tests: 1,797 digits give 1,197/300/300."""

MIN_PER_CLASS: Final = 6
"""From this many images on, a class has at least one image in each split, whatever the others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Indices into a data set, each sorted, disjoint, together everything."""

    train: Indices
    validation: Indices
    test: Indices


def stratified_split(labels_N: Indices, *, seed: int) -> Split:
    """Split so that every class has the same share of each part, as nearly as whole images allow.

    Validation and test have ceil(N/6) images each, training the rest. Of the ceil(N/6), each class
    receives its proportion rounded down; the images still missing go, one each, to the classes
    with the largest remainders (the smaller label first where two are equal).

    Args:
        labels_N: classes 0 to K - 1, each at least `MIN_PER_CLASS` times.
        seed: decides which images of a class go where; the sizes do not depend on it.
    """
    rng = np.random.default_rng(seed)
    shares = _apportion(-(-len(labels_N) // HELD_OUT_PART), np.bincount(labels_N))
    train, validation, test = [], [], []
    for label, share in enumerate(shares):
        members = rng.permutation(np.flatnonzero(labels_N == label))
        test.append(members[:share])
        validation.append(members[share : 2 * share])
        train.append(members[2 * share :])
    return Split(
        train=np.sort(np.concatenate(train)),
        validation=np.sort(np.concatenate(validation)),
        test=np.sort(np.concatenate(test)),
    )


def _apportion(total: int, counts_K: Indices) -> Indices:
    """Divide `total` in proportion to `counts_K` by largest remainders (Hamilton's method)."""
    whole_K, remainder_K = np.divmod(counts_K * total, counts_K.sum())
    order = np.argsort(-remainder_K, kind="stable")
    whole_K[order[: total - whole_K.sum()]] += 1
    return whole_K
