"""How a source is told."""

import os
from pathlib import Path

import numpy as np
import pytest

from bnas.data import is_path, read, version
from bnas.errors import InvalidData
from tests.data.writing import write_cifar10, write_cifar100, write_folder, write_idx


def message(source: str) -> str:
    with pytest.raises(InvalidData) as caught:
        read(source)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("digits", False),
        ("hf:someone/flowers", False),
        ("own.npz", True),
        ("./own", True),
        (".", True),
        ("a/b", True),
    ],
)
def test_a_path_is_told_from_a_name(source: str, expected: bool) -> None:
    assert is_path(source) == expected


def test_each_form_is_known_by_what_lies_there(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "cifar10")
    write_cifar100(tmp_path / "cifar100")
    write_idx(tmp_path / "idx")
    write_folder(tmp_path / "folder/train", {"a": 6, "b": 6})
    np.savez(tmp_path / "own.npz", x=np.zeros((24, 5, 5, 3), np.uint8), y=np.arange(24) % 2)
    found = {path.name: read(str(path)).facts.num_classes for path in tmp_path.iterdir()}
    assert found == {"cifar10": 10, "cifar100": 100, "idx": 5, "folder": 2, "own.npz": 2}


def test_a_folder_in_which_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path, {"a": 6, "b": 6})
    monkeypatch.chdir(tmp_path)
    assert len(read(".").labels) == 12


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("nothing", "No such file or directory"),
        ("notes.txt", "it is another file"),
        ("loop", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_is_no_data(tmp_path: Path, path: str, problem: str) -> None:
    (tmp_path / "notes.txt").write_text("no data")
    (tmp_path / "loop").symlink_to("loop")
    assert message(str(tmp_path / path)) == (
        f"{tmp_path / path}: the data must be an .npz archive, or a folder of images, of CIFAR "
        f"batches or of IDX files, but {problem}; correct the path"
    )


def test_data_that_have_to_be_given() -> None:
    assert message("required") == (
        "the evaluator leaves its data to whoever uses it, but none are given; name a data set or "
        "a path, as in `--data ./images`"
    )


def test_a_version_changes_with_what_lies_there(tmp_path: Path) -> None:
    root = tmp_path / "images"
    write_folder(root / "train", {"a": 6, "b": 6})
    before = version(str(root))
    assert version(str(root)) == before
    (root / "train/b/000.png").rename(root / "train/b/1.png")
    assert version(str(root)) != before


def test_the_version_of_a_file_is_its_time_and_size(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    file.write_bytes(b"x")
    os.utime(file, ns=(5, 5))
    assert version(str(file)) == ((str(file), 1, 5),)
    assert version("digits") is None
    assert version(str(tmp_path / "none")) == ()
