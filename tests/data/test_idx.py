"""IDX files: MNIST and what was given its form."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnas.data import read
from bnas.errors import InvalidData
from tests.data.writing import idx, write_idx


def message(root: Path) -> str:
    with pytest.raises(InvalidData) as caught:
        read(str(root))
    return str(caught.value).replace(str(root), "ROOT")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_four_files(tmp_path: Path, suffix: str) -> None:
    x, y = write_idx(tmp_path / "mnist", suffix=suffix)
    images = read(str(tmp_path / "mnist"))
    assert np.array_equal(images.pixels, x)
    assert np.array_equal(images.labels, y)
    assert images.num_test == 20


def test_without_a_test_part_one_is_split_off_later(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist", test=False)
    images = read(str(tmp_path / "mnist"))
    assert (len(images.labels), images.num_test) == (40, 0)


def test_names_with_a_dot(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist", test=False)
    for path in list((tmp_path / "mnist").iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(read(str(tmp_path / "mnist")).labels) == 40


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            idx(np.zeros(40, np.uint8)),
            (
                "the file must begin with the magic number 0x00000803 (bytes, 3 axes), but begins "
                "with 0x00000801; fetch it again"
            ),
        ),
        (
            idx(np.zeros((40, 8, 8), np.uint8))[:-1],
            (
                "the file must be a whole IDX file, but it is too short for the 2560 bytes that "
                "it should have; fetch it again"
            ),
        ),
        (
            idx(np.zeros((40, 8, 8), np.uint8)) + b"!",
            (
                "the file must be a whole IDX file, but it is too long for the 2560 bytes that "
                "it should have; fetch it again"
            ),
        ),
        (
            b"",
            (
                "the file must be a whole IDX file, but it is too short for the 16 bytes that it "
                "should have; fetch it again"
            ),
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    write_idx(tmp_path / "mnist")
    (tmp_path / "mnist/train-images-idx3-ubyte").write_bytes(content)
    assert message(tmp_path / "mnist") == f"ROOT/train-images-idx3-ubyte: {expected}"


def test_a_cut_gzip_file(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist", suffix=".gz")
    file = tmp_path / "mnist/train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-12])
    assert message(tmp_path / "mnist") == (
        "ROOT/train-labels-idx1-ubyte.gz: the file must be a whole IDX file, but Compressed file "
        "ended before the end-of-stream marker was reached; fetch it again"
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist")
    (tmp_path / "mnist/t10k-labels-idx1-ubyte").unlink()
    assert message(tmp_path / "mnist") == (
        "ROOT: beside the other IDX files there must be t10k-labels-idx1-ubyte or "
        "t10k-labels-idx1-ubyte.gz, but there is neither; add it"
    )


def test_images_and_labels_must_be_as_many(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist")
    (tmp_path / "mnist/t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(19, np.uint8)))
    assert message(tmp_path / "mnist") == (
        "ROOT: 't10k-labels-idx1-ubyte' must have the shape (20,), one label for each image in "
        "'t10k-images-idx3-ubyte', but has (19,); give the same number of both"
    )


@pytest.fixture(scope="module", params=["", ".gz"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("idx") / "mnist"
    write_idx(root, suffix=request.param)
    return root


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_gives_invalid_data_and_nothing_else(whole: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(whole.iterdir())))
    content = file.read_bytes()
    altered = bytearray(content)
    altered[data.draw(st.integers(0, min(40, len(content) - 1)))] ^= 1 << data.draw(
        st.integers(0, 7)
    )
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content) - 1)))
    try:
        file.write_bytes(altered[:cut])
        with contextlib.suppress(InvalidData):
            read(str(whole))
    finally:
        file.write_bytes(content)
