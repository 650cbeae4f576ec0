"""Decoded images are kept, found again, shared, and made anew where they are wrong."""

import errno
import logging
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnas.data import LabelledImages, cache, read
from bnas.data.memory import search_data
from bnas.files import cache_folder
from tests.data.writing import pixels, write_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("BNAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    write_folder(root / "train", {"a": 6, "b": 7})
    write_folder(root / "val", {"a": 2, "b": 1})
    return root


def entry(place: Path) -> Path:
    (found,) = place.glob("*.pack")
    return found


def same(a: LabelledImages, b: LabelledImages) -> bool:
    return (
        np.array_equal(a.pixels, b.pixels)
        and np.array_equal(a.labels, b.labels)
        and (a.num_validation, a.num_test, a.class_names, a.facts)
        == (b.num_validation, b.num_test, b.class_names, b.facts)
    )


def test_the_second_time_nothing_is_decoded(
    place: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(str(images))
    from bnas.data import decoding

    monkeypatch.setattr(decoding, "opened", None)
    again = read(str(images))
    assert same(first, again)
    assert again.class_names == ("a", "b")
    assert again.num_test == 3
    assert entry(place).name.startswith("images-")


@pytest.mark.parametrize("spelling", ["./images", "images/../images/", "./link"])
def test_every_spelling_of_a_path_has_one_entry(
    place: Path, images: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(str(images))
    from bnas.data import decoding

    monkeypatch.setattr(decoding, "opened", None)
    monkeypatch.chdir(images.parent)
    Path("link").symlink_to("images")
    assert same(first, read(spelling))


def test_sums_are_kept_and_exact(place: Path, images: Path) -> None:
    found = read(str(images))
    x = found.pixels.astype(np.int64)
    expected = np.stack([x.sum(axis=(1, 2)), (x**2).sum(axis=(1, 2))], axis=-1)
    assert found.sums_NC2 is not None
    assert np.array_equal(found.sums_NC2, expected)
    kept, anew = (search_data(one, split_seed=0) for one in (found, replace(found, sums_NC2=None)))
    order = [torch.arange(5)]
    (a,), (b,) = (list(data.train.batches(order)) for data in (kept, anew))
    assert torch.equal(a[0], b[0])


def test_tensors_share_the_mapped_memory_without_a_warning(place: Path, images: Path) -> None:
    found = read(str(images))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = torch.from_numpy(found.pixels)
    assert tensor.data_ptr() == found.pixels.ctypes.data


def test_what_is_written_into_pixels_reaches_no_file(place: Path, images: Path) -> None:
    found = read(str(images))
    before = entry(place).read_bytes()
    found.pixels[:] = 0
    assert entry(place).read_bytes() == before


def test_each_image_size_has_its_own_entry(place: Path, images: Path) -> None:
    assert read(str(images)).facts.image_size == 6
    assert read(str(images), image_size=3).facts.image_size == 3
    assert len(list(place.glob("*.pack"))) == 2


@pytest.mark.parametrize("change", ["content", "time", "new", "gone"])
def test_what_changed_is_decoded_anew_in_the_same_place(
    place: Path, images: Path, change: str
) -> None:
    read(str(images))
    before, content = entry(place), entry(place).read_bytes()
    file = images / "train/a/000.png"
    if change == "gone":
        (images / "train/b/000.png").unlink()
    elif change == "time":
        os.utime(file, ns=(1, 1))
    else:
        other = file if change == "content" else images / "train/a/999.png"
        write_folder(images / "train", {"a": 1}, seed=9)
        file.rename(other)
    read(str(images))
    assert entry(place) == before
    assert entry(place).read_bytes() != content


def test_a_warning_names_a_damaged_entry(
    place: Path, images: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = read(str(images))
    pixel_values = first.pixels.copy()
    content = bytearray(entry(place).read_bytes())
    content[5] ^= 1
    entry(place).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        again = read(str(images))
    assert np.array_equal(again.pixels, pixel_values)
    assert caplog.messages == [
        f"{entry(place)}: the images kept there are damaged; they are decoded anew"
    ]
    caplog.clear()
    read(str(images))
    assert caplog.messages == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_found(place: Path, images: Path, data: st.DataObject) -> None:
    right = read(str(images)).pixels.copy()
    path = entry(place)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content) - 1)))
    other = path.with_name("other")
    other.write_bytes(content[:cut])
    other.replace(path)
    assert np.array_equal(read(str(images)).pixels, right)


def test_a_full_disk_costs_only_the_cache(
    place: Path, images: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "replace_file", full)
    with caplog.at_level(logging.WARNING):
        assert len(read(str(images)).labels) == 16
    (message,) = caplog.messages
    assert message == (
        f"{place}: decoded images cannot be kept there (No space left on device), so every process "
        "decodes them anew and holds them in memory; make room, or set BNAS_CACHE to a folder that "
        "can be written"
    )


def test_a_place_that_cannot_be_made_costs_only_the_cache(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("BNAS_CACHE", str(tmp_path / "file/cache"))
    with caplog.at_level(logging.WARNING):
        assert len(read(str(images)).labels) == 16
    assert "decoded images cannot be kept there (Not a directory)" in caplog.messages[-1]


PROGRAM = """
import sys
from bnas.data import cache, decoding, read
real = decoding.decode_one
def counted(*arguments):
    with open(sys.argv[2], "a") as file:
        file.write("x")
    return real(*arguments)
decoding.decode_one = counted
print(int(read(sys.argv[1]).pixels.astype(int).sum()))
"""


def test_processes_at_once_decode_once(place: Path, images: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    command = [sys.executable, "-c", PROGRAM, str(images), str(counter)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    sums = {process.communicate()[0] for process in processes}
    assert all(process.returncode == 0 for process in processes)
    assert sums == {f"{int(read(str(images)).pixels.astype(int).sum())}\n"}
    assert len(counter.read_text()) == 16


KILLED = """
import os, sys
from pathlib import Path
from bnas.data import read
Path.replace = lambda *_: os.kill(os.getpid(), 9)
read(sys.argv[1])
"""


def test_what_a_killed_process_left_is_removed(place: Path, images: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(images)], check=False)
    assert [path.name[:8] for path in place.glob(".*")] == [".images-"]
    other = place / ".other.pack-1"
    other.touch()
    read(str(images))
    assert list(place.glob(".*")) == [other]


def test_without_a_lock_nothing_is_removed(
    place: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    read(str(images))
    live = place / f".{entry(place).name}-1"
    live.touch()
    entry(place).unlink()
    monkeypatch.setattr("fcntl.flock", unsupported)
    read(str(images))
    assert entry(place).exists()
    assert live.exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"BNAS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/bnas")),
        ({"HOME": "/c"}, Path("/c/.cache/bnas")),
    ],
)
def test_its_place(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: Path
) -> None:
    for name in ("BNAS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == expected


def test_files_larger_than_what_is_checked(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cache, "_BLOCK", 100)
    monkeypatch.setattr(cache, "_MOST_BLOCKS", 3)
    np.savez(tmp_path / "own.npz", x=pixels(24, 10), y=np.arange(24) % 2)
    first = read(str(tmp_path / "own.npz"))
    assert same(first, read(str(tmp_path / "own.npz")))
    content = bytearray(entry(place).read_bytes())
    content[0] ^= 1  # the first block is one of those that are checked
    entry(place).write_bytes(content)
    assert np.array_equal(read(str(tmp_path / "own.npz")).pixels, pixels(24, 10))
