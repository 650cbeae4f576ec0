"""The stratified split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnas.data import read, stratified_split
from bnas.data.split import MIN_PER_CLASS

label_counts = st.lists(st.integers(MIN_PER_CLASS, 60), min_size=2, max_size=12)


def labels(counts: list[int], seed: int = 0) -> np.ndarray:
    repeated = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(repeated)


def test_digits_split_is_exactly_1197_300_300() -> None:
    split = stratified_split(read("digits").labels, seed=0)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [1197, 300, 300]


@given(label_counts, st.integers(0, 5))
def test_parts_are_disjoint_complete_and_of_the_documented_size(
    counts: list[int], seed: int
) -> None:
    split = stratified_split(labels(counts), seed=seed)
    total = sum(counts)
    assert len(split.validation) == len(split.test) == -(-total // 6)
    everything = np.concatenate([split.train, split.validation, split.test])
    assert np.array_equal(np.sort(everything), np.arange(total))


@given(label_counts, st.integers(0, 5))
def test_every_class_has_its_share_of_every_part(counts: list[int], seed: int) -> None:
    y = labels(counts)
    split = stratified_split(y, seed=seed)
    held_out = len(split.test)
    for part in (split.validation, split.test):
        found = np.bincount(y[part], minlength=len(counts))
        assert (found >= 1).all()
        assert (np.abs(found - held_out * np.array(counts) / sum(counts)) < 1).all()
    assert (np.bincount(y[split.train], minlength=len(counts)) >= 1).all()


def test_seed_decides_the_members_not_the_sizes() -> None:
    y = labels([40, 50, 60])
    first, again, other = (stratified_split(y, seed=seed) for seed in (1, 1, 2))
    for part in ("train", "validation", "test"):
        assert np.array_equal(getattr(first, part), getattr(again, part))
        assert len(getattr(first, part)) == len(getattr(other, part))
        assert not np.array_equal(getattr(first, part), getattr(other, part))


@pytest.mark.usefixtures("untouched_global_random")
def test_global_random_state_is_neither_used_nor_changed() -> None:
    stratified_split(labels([9, 9]), seed=3)


@pytest.mark.parametrize("seed", range(3))
def test_ties_go_to_the_smaller_label(seed: int) -> None:
    y = labels([7, 7, 7])  # ceil(21 / 6) = 4 of 21: one each, the fourth to class 0
    split = stratified_split(y, seed=seed)
    assert np.bincount(y[split.test]).tolist() == [2, 1, 1]
