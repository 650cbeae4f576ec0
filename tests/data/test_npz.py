"""The user's own .npz files: what is read, and the one clear message for whatever is wrong."""

import contextlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnas.data import Facts, read, read_npz
from bnas.errors import InvalidData

SAVE = "save it with numpy.savez_compressed(path, x=..., y=...)"


def good(num_images: int = 24, size: int = 6, channels: int = 3) -> dict[str, Any]:
    x = np.random.default_rng(0).integers(0, 256, (num_images, size, size, channels))
    return {"x": x.astype(np.uint8), "y": np.arange(num_images) % 4}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


def message(file: Path) -> str:
    with pytest.raises(InvalidData) as caught:
        read_npz(file)
    return str(caught.value).replace(str(file), "FILE")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int16])
def test_reads_what_was_saved(file: Path, save: Any, dtype: type) -> None:
    arrays = good()
    save(file, x=arrays["x"], y=arrays["y"].astype(dtype), more=np.zeros(3))
    images = read(str(file))
    assert np.array_equal(images.pixels, arrays["x"])
    assert np.array_equal(images.labels, arrays["y"])
    assert images.labels.dtype == np.int64
    assert images.facts == Facts(image_size=6, in_channels=3, num_classes=4)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"x": None}, f"FILE: the archive must hold 'x', but holds 'y'; {SAVE}"),
        ({"y": None}, f"FILE: the archive must hold 'y', but holds 'x'; {SAVE}"),
        ({"x": None, "y": None}, f"FILE: the archive must hold 'x', but holds nothing; {SAVE}"),
        (
            {"x": np.zeros((24, 6, 6, 3), np.float32)},
            (
                "FILE: 'x' must hold pixels of type uint8, but holds float32; "
                "scale the pixels to 0..255 and save them with .astype('uint8')"
            ),
        ),
        (
            {"x": np.zeros((24, 6, 6), np.uint8)},
            (
                "FILE: 'x' must have 4 axes (N, H, W, C), but has the shape (24, 6, 6); "
                "grey images have one channel: x[..., None]"
            ),
        ),
        (
            {"x": np.zeros((24, 3, 6, 6), np.uint8)},
            (
                "FILE: 'x' must hold square images, but they are 3 high and 6 wide; "
                "set image_size, or crop, pad or resize them (channels come last)"
            ),
        ),
        (
            {"x": np.zeros((0, 6, 6, 3), np.uint8)},
            "FILE: 'x' must not be empty, but has the shape (0, 6, 6, 3); add images",
        ),
        (
            {"x": np.zeros((24, 6, 6, 0), np.uint8)},
            "FILE: 'x' must not be empty, but has the shape (24, 6, 6, 0); add images",
        ),
        (
            {"y": np.zeros(24)},
            (
                "FILE: 'y' must hold integer labels, but holds float64; "
                "number the classes from 0 and save them with .astype('int64')"
            ),
        ),
        (
            {"y": np.array(["cat", "dog"] * 12)},
            (
                "FILE: 'y' must hold integer labels, but holds <U3; "
                "number the classes from 0 and save them with .astype('int64')"
            ),
        ),
        (
            {"y": np.arange(23) % 4},
            (
                "FILE: 'y' must have the shape (24,), one label for each image in 'x', "
                "but has (23,); give the same number of both"
            ),
        ),
        (
            {"y": np.zeros((24, 1), np.int64)},
            (
                "FILE: 'y' must have the shape (24,), one label for each image in 'x', "
                "but has (24, 1); give the same number of both"
            ),
        ),
        (
            {"y": np.arange(24) % 4 - 1},
            "FILE: 'y' must hold labels from 0 on, but has -1; number the classes from 0",
        ),
        (
            {"y": np.where(np.arange(24) < 12, 0, 2**62)},
            (
                "FILE: 'y' must use every label from 0 to the largest (4611686018427387904), "
                "but has no 1; number the classes without gaps"
            ),
        ),
        (
            {"y": np.zeros(24, np.int64)},
            "FILE: 'y' must have at least 2 classes, but has 1; add another class",
        ),
        (
            {"y": np.repeat([0, 1, 2], [12, 7, 5])},
            (
                "FILE: 'y' must have at least 6 images of every class, so that each split has "
                "some, but class 2 has 5; add images or drop the class"
            ),
        ),
    ],
)
def test_broken_rule(file: Path, change: dict[str, Any], expected: str) -> None:
    arrays = {name: value for name, value in (good() | change).items() if value is not None}
    np.savez(file, **arrays)
    assert message(file) == expected


def test_a_test_part_of_its_own(file: Path) -> None:
    arrays, test = good(), good(8)
    np.savez(file, **arrays, x_test=test["x"], y_test=test["y"])
    images = read(str(file))
    assert images.num_test == 8
    assert np.array_equal(images.pixels, np.concatenate([arrays["x"], test["x"]]))
    assert images.labels[-8:].tolist() == test["y"].tolist()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"y_test": None},
            f"FILE: the archive must hold 'y_test', but holds 'x', 'y', 'x_test'; {SAVE}",
        ),
        (
            {"x_test": np.zeros((8, 5, 5, 3), np.uint8)},
            (
                "FILE: 'x_test' must hold images of the shape (6, 6, 3), as those to train on, but "
                "holds (5, 5, 3); bring both to one size"
            ),
        ),
        (
            {"y_test": np.full(8, 4)},
            (
                "FILE: 'y_test' must hold labels of classes to train on, 0 to 3, but has 4; "
                "correct the labels"
            ),
        ),
    ],
)
def test_a_wrong_test_part(file: Path, change: dict[str, Any], expected: str) -> None:
    test = {f"{name}_test": value for name, value in good(8).items()}
    arrays = {k: v for k, v in (good() | test | change).items() if v is not None}
    np.savez(file, **arrays)
    assert message(file) == expected


class Bomb:
    """Unpickling this would raise, which no test below may see."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


def test_object_arrays_are_never_unpickled(file: Path) -> None:
    np.savez(file, x=good()["x"], y=np.array([Bomb()] * 24, dtype=object), allow_pickle=True)
    assert message(file) == (
        "FILE: the file must be a readable .npz archive of plain arrays, but "
        f"Object arrays cannot be loaded when allow_pickle=False; {SAVE}"
    )


def test_a_pickle_is_never_loaded(file: Path) -> None:
    file.write_bytes(pickle.dumps(Bomb()))
    assert message(file) == (
        "FILE: the file must be a readable .npz archive of plain arrays, but This file contains "
        f"pickled (object) data. If you trust the file you can load it unsafely using the "
        f"`allow_pickle=` keyword argument or `pickle.load()`; {SAVE}"
    )


def test_a_single_array_is_no_archive(file: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, good()["x"])
    file.write_bytes(buffer.getvalue())
    assert message(file) == (
        f"FILE: the file must be an .npz archive with 'x' and 'y', but holds a single array; {SAVE}"
    )


def test_a_member_that_is_no_array(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x", "hello")
        archive.writestr("y.npy", "hello")
    assert message(file) == (
        f"FILE: 'x' must be an array in NumPy's format, but is another file; {SAVE}"
    )


def test_missing_file_and_folder(file: Path) -> None:
    start = "FILE: the file must be a readable .npz archive of plain arrays, but"
    assert message(file) == f"{start} No such file or directory; {SAVE}"
    file.mkdir()
    assert message(file) == f"{start} Is a directory; {SAVE}"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_truncated_or_altered_anywhere_gives_invalid_data(file: Path, save: Any) -> None:
    save(file, **good())
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        assert message(file).startswith("FILE: ")
    rng = np.random.default_rng(1)
    for _ in range(300):
        altered = bytearray(whole)
        altered[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        file.write_bytes(altered)
        with contextlib.suppress(InvalidData):  # a flipped bit in a date may go unnoticed
            read_npz(file)


def test_a_header_that_promises_too_much(file: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 256, 256, 256)}
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())
    assert message(file).startswith(
        "FILE: the file must be a readable .npz archive of plain arrays, but "
    )


@pytest.mark.parametrize(
    ("name", "hint"), [("digit", "did you mean 'digits'? "), ("imagenet", ""), ("", "")]
)
def test_unknown_data_set(name: str, hint: str) -> None:
    with pytest.raises(InvalidData) as caught:
        read(name)
    assert str(caught.value) == (
        f"unknown data set {name!r}; {hint}available: digits, hf:NAME, "
        "or give a path, as ./images or images.npz"
    )
