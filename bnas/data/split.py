"""Which images train, which validate and which are kept for the final test."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from bnas.errors import InvalidData

Indices = npt.NDArray[np.int64]
Part: TypeAlias = Literal["test", "validation", "train", "all"]

HELD_OUT_PART: Final = 6
"""One image in this many validates and another one tests: 1,797 digits give 1,197/300/300."""

MIN_PER_CLASS: Final = 6
"""From this many images on, a class has at least one image in each split, whatever the others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Indices into a data set, each sorted, disjoint; together everything, without a subset."""

    train: Indices
    validation: Indices
    test: Indices

    def part(self, name: Part) -> Indices:
        """One of the three, or all of them."""
        if name == "all":
            return np.sort(np.concatenate([self.train, self.validation, self.test]))
        indices: Indices = getattr(self, name)
        return indices


def stratified_split(
    labels_N: Indices,
    *,
    seed: int,
    num_validation: int = 0,
    num_test: int = 0,
    subset: int | None = None,
    joined: bool = False,
) -> Split:
    """Split so that every class has the same share of each part, as nearly as whole images allow.

    The data set's own test and validation parts stay what they are. Of its M other images, those
    that are missing of the two are drawn, ceil(M/6) images each; the rest trains. Of the
    ceil(M/6), each class receives its proportion rounded down; the images still missing go, one
    each, to the classes with the largest remainders (the smaller label first where two are equal).

    Args:
        labels_N: classes 0 to K - 1, each at least `MIN_PER_CLASS` times where parts are drawn.
        seed: decides which images of a class go where; the sizes do not depend on it.
        num_validation: images of an own validation part, in front of those that test; 0: none.
        num_test: images of an own test part, at the end; 0: none.
        subset: train on so many images alone, shared among the classes in the same way. What a
            smaller one has, a larger one has too, up to an image of a class.
        joined: train on the images that validate otherwise, too; none validate then. A subset takes
            them where the others do not suffice.

    Raises:
        InvalidData: the subset is larger than there are images, or has none of a class.
    """
    num_free = len(labels_N) - num_validation - num_test
    rng = np.random.default_rng(seed)
    labels_M = labels_N[:num_free]
    num_drawn = (not num_test) + (not num_validation)
    shares = _apportion(-(-num_free // HELD_OUT_PART), np.bincount(labels_M))
    drawn: list[list[Indices]] = [[], []]
    train = []
    for label, share in enumerate(shares):
        members = rng.permutation(np.flatnonzero(labels_M == label))
        for part in range(num_drawn):
            drawn[part].append(members[part * share : (part + 1) * share])
        train.append(members[num_drawn * share :])
    own_validation = np.arange(num_free, num_free + num_validation)
    own_test = np.arange(num_free + num_validation, len(labels_N))
    validation = own_validation if num_validation else _united(drawn[num_drawn - 1])
    if joined:
        of_class = [validation[labels_N[validation] == label] for label in range(len(train))]
        train = [np.concatenate(both) for both in zip(train, of_class, strict=True)]
        validation = validation[:0]
    return Split(
        train=_united(train if subset is None else _subset(train, subset)),
        validation=validation,
        test=own_test if num_test else _united(drawn[0]),
    )


def _subset(members: list[Indices], subset: int) -> list[Indices]:
    counts_K = np.array([len(own) for own in members])
    if subset > counts_K.sum():
        raise InvalidData(
            f"subset must be at most the number of training images, {counts_K.sum()}, but is "
            f"{subset}; lower it or leave it out"
        )
    shares = _apportion(subset, counts_K)
    if 0 in shares:
        raise InvalidData(
            f"subset must leave at least one training image of every class, but {subset} of "
            f"{counts_K.sum()} leave none of class {int(shares.argmin())}; raise it"
        )
    return [own[:share] for own, share in zip(members, shares, strict=True)]


def _united(parts: list[Indices]) -> Indices:
    return np.sort(np.concatenate(parts))


def _apportion(total: int, counts_K: Indices) -> Indices:
    """Divide `total` in proportion to `counts_K` by largest remainders (Hamilton's method)."""
    whole_K, remainder_K = np.divmod(counts_K * total, counts_K.sum())
    order = np.argsort(-remainder_K, kind="stable")
    whole_K[order[: total - whole_K.sum()]] += 1
    return whole_K
