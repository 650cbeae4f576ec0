"""CIFAR in the authors' own batches: read whole, and never run."""

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnas.data import read
from bnas.errors import InvalidData
from tests.data.writing import pixels, planes, write_cifar10, write_cifar100

REMEDY = "unpack the published archive for Python again"


def message(root: Path) -> str:
    with pytest.raises(InvalidData) as caught:
        read(str(root))
    return str(caught.value).replace(str(root), "ROOT")


def test_cifar10(tmp_path: Path) -> None:
    x, labels = write_cifar10(tmp_path / "batches")
    images = read(str(tmp_path / "batches"))
    assert np.array_equal(images.pixels, x)
    assert images.labels.tolist() == labels
    assert (images.num_validation, images.num_test) == (0, 20)
    assert images.class_names == tuple(f"class {number}" for number in range(10))


def test_cifar100_has_fine_labels(tmp_path: Path) -> None:
    x, fine = write_cifar100(tmp_path / "batches")
    images = read(str(tmp_path / "batches"))
    assert np.array_equal(images.pixels, x)
    assert images.labels.tolist() == fine
    assert images.num_test == 200
    assert images.class_names is not None
    assert images.class_names[99] == "fine 99"


@pytest.mark.parametrize("protocol", [2, 4])
def test_batches_written_by_other_pythons(tmp_path: Path, protocol: int) -> None:
    root = tmp_path / "batches"
    x, _ = write_cifar10(root)
    batch = {"labels": [0] * 20, "data": planes(x[:20]), "filenames": ["a"] * 20}
    (root / "data_batch_1").write_bytes(pickle.dumps(batch, protocol=protocol))
    assert np.array_equal(read(str(root)).pixels[:20], x[:20])


class Bomb:
    """Unpickling this would raise, which no test below may see."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


def with_batch(value: object) -> bytes:
    return pickle.dumps(value, protocol=2)


GOOD = {b"labels": [0] * 20, b"data": planes(pixels(20))}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            with_batch({b"labels": Bomb()}),
            (
                "the file must be a whole pickled batch, but it asks for posix.system, which no "
                "such batch needs"
            ),
        ),
        (
            with_batch(GOOD)[:-7],
            "the file must be a whole pickled batch, but pickle data was truncated",
        ),
        (b"", "the file must be a whole pickled batch, but Ran out of input"),
        (with_batch([1]), "the file must hold a dict, but holds a list"),
        (with_batch({b"labels": [0]}), "the batch must hold 'data', but does not"),
        (with_batch(GOOD | {b"data": 3}), "'data' must be an array of bytes, but is not one"),
        (
            with_batch(GOOD | {b"data": np.zeros((20, 3000), np.uint8)}),
            "'data' must be bytes of the shape (N, 3072), but is not",
        ),
        (
            with_batch(GOOD | {b"data": np.zeros((20, 3072), np.float32)}),
            "'data' must be bytes of the shape (N, 3072), but is not",
        ),
        (
            with_batch(GOOD | {b"labels": [0.5] * 20}),
            "'labels' must be a list of integers, but is not one",
        ),
        (
            with_batch(GOOD | {b"labels": [0] * 19}),
            "'labels' must have one label for each of 20 images, but has 19",
        ),
        (
            with_batch(GOOD | {b"labels": [-1] * 20}),
            "'labels' must hold labels from 0 on, but holds other numbers",
        ),
    ],
)
def test_a_wrong_batch_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    root = tmp_path / "batches"
    write_cifar10(root)
    (root / "data_batch_3").write_bytes(content)
    assert message(root) == f"ROOT/data_batch_3: {expected}; {REMEDY}"


def test_a_missing_batch_is_named(tmp_path: Path) -> None:
    root = tmp_path / "batches"
    write_cifar10(root)
    (root / "test_batch").unlink()
    assert message(root) == (
        "ROOT/test_batch: the file must be readable, but No such file or directory; restore it or "
        "correct the permissions"
    )


def test_names_must_be_as_many_as_classes(tmp_path: Path) -> None:
    root = tmp_path / "batches"
    write_cifar10(root)
    (root / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"a"]}))
    assert message(root) == (
        f"ROOT/batches.meta: 'label_names' must be a list of 10 names, but is not one; {REMEDY}"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cifar") / "batches"
    write_cifar10(root, num_images=10)
    return root


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_gives_invalid_data_and_nothing_else(whole: Path, data: st.DataObject) -> None:
    file = whole / "data_batch_2"
    content = file.read_bytes()
    # Most of a batch is pixels, of which any is right: damage is done to what surrounds them.
    place = data.draw(st.one_of(st.integers(0, 250), st.integers(-250, -1)))
    altered = bytearray(content)
    altered[place] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content) - 1)))
    try:
        file.write_bytes(altered[:cut])
        with contextlib.suppress(InvalidData):
            read(str(whole))
    finally:
        file.write_bytes(content)
