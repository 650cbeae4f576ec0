"""The stratified split."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bnas.data import read, stratified_split
from bnas.data.split import MIN_PER_CLASS
from bnas.errors import InvalidData

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


@given(label_counts, st.integers(0, 5), st.integers(1, 9))
def test_an_own_test_part_is_left_alone(counts: list[int], seed: int, num_test: int) -> None:
    y = np.append(labels(counts), np.zeros(num_test, np.int64))
    split = stratified_split(y, seed=seed, num_test=num_test)
    total = sum(counts)
    assert split.test.tolist() == list(range(total, total + num_test))
    assert len(split.validation) == -(-total // 6)
    both = np.sort(np.concatenate([split.train, split.validation]))
    assert np.array_equal(both, np.arange(total))


def test_with_both_parts_nothing_is_drawn() -> None:
    split = stratified_split(np.arange(10) % 2, seed=0, num_validation=3, num_test=2)
    assert [part.tolist() for part in (split.train, split.validation, split.test)] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7],
        [8, 9],
    ]


@given(label_counts, st.integers(0, 5), st.floats(0.3, 1))
def test_a_subset_has_the_shares_of_the_classes(counts: list[int], seed: int, share: float) -> None:
    y = labels(counts)
    whole = stratified_split(y, seed=seed)
    size = max(round(share * len(whole.train)), 0)
    try:
        part = stratified_split(y, seed=seed, subset=size)
    except InvalidData:
        assume(False)
        raise
    assert len(part.train) == size
    assert np.isin(part.train, whole.train).all()
    assert np.array_equal(part.validation, whole.validation)
    assert np.array_equal(part.test, whole.test)
    found, all_of = np.bincount(y[part.train]), np.bincount(y[whole.train])
    assert (np.abs(found - size * all_of / all_of.sum()) < 1).all()


def test_a_larger_subset_has_the_smaller_one() -> None:
    y = read("digits").labels
    small, large = (stratified_split(y, seed=3, subset=size).train for size in (100, 400))
    assert np.isin(small, large).mean() > 0.95


@given(label_counts, st.integers(0, 5), st.integers(0, 9))
def test_joined_parts_train_together(counts: list[int], seed: int, num_validation: int) -> None:
    own = np.arange(num_validation) % len(counts)
    y = np.append(labels(counts), own)
    apart = stratified_split(y, seed=seed, num_validation=num_validation)
    split = stratified_split(y, seed=seed, num_validation=num_validation, joined=True)
    both = np.sort(np.concatenate([apart.train, apart.validation]))
    assert np.array_equal(split.train, both)
    assert np.array_equal(split.test, apart.test)
    assert not len(split.validation)


@pytest.mark.parametrize("num_validation", [0, 20])
def test_a_subset_of_joined_parts_begins_with_what_a_search_trains_on(num_validation: int) -> None:
    y = labels([30, 60, 90])
    apart = stratified_split(y, seed=1, num_validation=num_validation)
    within, beyond = (
        stratified_split(y, seed=1, num_validation=num_validation, subset=size, joined=True)
        for size in (60, 140)
    )
    assert (len(within.train), len(beyond.train)) == (60, 140)
    assert np.isin(within.train, apart.train).all()
    assert np.isin(apart.train, beyond.train).mean() > 0.95
    assert not np.isin(beyond.train, beyond.test).any()


@pytest.mark.parametrize(
    ("subset", "expected"),
    [
        (
            1198,
            (
                "subset must be at most the number of training images, 1197, but is 1198; lower it "
                "or leave it out"
            ),
        ),
        (
            9,
            (
                "subset must leave at least one training image of every class, but 9 of 1197 leave "
                "none of class 8; raise it"
            ),
        ),
    ],
)
def test_a_subset_that_cannot_be(subset: int, expected: str) -> None:
    with pytest.raises(InvalidData) as caught:
        stratified_split(read("digits").labels, seed=0, subset=subset)
    assert str(caught.value) == expected
