"""Folders of images: which images are read as what, and the message for whatever is wrong."""

import contextlib
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bnas.data import Facts, read, stratified_split
from bnas.errors import InvalidData
from tests.data.writing import pixels, write_folder, write_image

COUNTS = {"cat": 7, "dog": 8}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


def message(root: Path, image_size: int | None = None) -> str:
    with pytest.raises(InvalidData) as caught:
        read(str(root), image_size=image_size)
    return str(caught.value).replace(str(root), "ROOT")


def test_classes_directly(root: Path) -> None:
    written = write_folder(root, COUNTS)
    images = read(str(root))
    assert np.array_equal(images.pixels, np.concatenate([written["cat"], written["dog"]]))
    assert images.labels.tolist() == [0] * 7 + [1] * 8
    assert images.class_names == ("cat", "dog")
    assert (images.num_validation, images.num_test) == (0, 0)
    assert images.facts == Facts(image_size=6, in_channels=3, num_classes=2)


@pytest.mark.parametrize(
    ("parts", "held_out"),
    [
        (("train",), (0, 0)),
        (("train", "val"), (0, 4)),
        (("train", "test"), (0, 4)),
        (("train", "val", "test"), (4, 4)),
    ],
)
def test_parts(root: Path, parts: tuple[str, ...], held_out: tuple[int, int]) -> None:
    for part in parts:
        write_folder(root / part, COUNTS if part == "train" else {"cat": 2, "dog": 2})
    images = read(str(root))
    assert (images.num_validation, images.num_test) == held_out
    split = stratified_split(
        images.labels, seed=0, num_validation=held_out[0], num_test=held_out[1]
    )
    if held_out[1]:
        last = len(images.labels)
        assert split.test.tolist() == list(range(last - 4, last))


def test_names_in_any_case_and_what_is_not_read(root: Path) -> None:
    write_folder(root, COUNTS)
    (root / "cat/000.png").rename(root / "cat/000.PNG")
    (root / "cat/notes.txt").write_text("not an image")
    (root / "cat/.hidden.png").write_text("not an image")
    (root / ".git").mkdir()
    (root / "LICENSE").write_text("beside the classes")
    assert len(read(str(root)).labels) == 15


def test_links_are_followed(root: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", COUNTS)
    root.mkdir()
    for name in COUNTS:
        (root / name).symlink_to(tmp_path / "elsewhere" / name)
    assert len(read(str(root)).labels) == 15


def test_many_files_are_read_in_order(root: Path) -> None:
    written = write_folder(root, {"a": 150, "b": 6}, size=2)
    assert np.array_equal(read(str(root)).pixels[:150], written["a"])


def test_grey_images_have_one_channel_unless_one_of_them_has_colours(root: Path) -> None:
    written = write_folder(root, COUNTS, channels=1)
    assert np.array_equal(read(str(root)).pixels[:7], written["cat"])
    write_image(root / "dog/900.png", pixels(1, 6)[0])
    coloured = read(str(root))
    assert coloured.facts.in_channels == 3
    assert np.array_equal(coloured.pixels[:7], written["cat"].repeat(3, axis=3))


SOLID = (4, 4)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("RGB", SOLID, (10, 20, 30)), (10, 20, 30)),
        (Image.new("RGBA", SOLID, (100, 200, 50, 255)), (100, 200, 50)),
        (Image.new("RGBA", SOLID, (100, 200, 50, 0)), (0, 0, 0)),
        (Image.new("LA", SOLID, (90, 0)), (0, 0, 0)),
        (Image.new("P", SOLID, 0), (0, 0, 0)),
        (Image.new("1", SOLID, 1), (255, 255, 255)),
        (Image.fromarray(np.full(SOLID, 0x7FFF, np.uint16)), (0x7F, 0x7F, 0x7F)),
    ],
)
def test_conversion(root: Path, image: Image.Image, expected: tuple[int, int, int]) -> None:
    write_folder(root, COUNTS, size=4)
    image.save(root / "cat/000.png")
    assert (read(str(root)).pixels[0] == expected).all()


def test_cmyk(root: Path) -> None:
    write_folder(root, COUNTS, size=16)
    Image.new("CMYK", (16, 16), (0, 0, 0, 0)).save(root / "cat/000.jpg")
    assert (read(str(root)).pixels[0] > 250).all() or (read(str(root)).pixels[1] > 250).all()


def damaged(root: Path) -> None:
    path = root / "dog/003.png"
    path.write_bytes(path.read_bytes()[:60])


def no_image(root: Path) -> None:
    (root / "dog/003.png").write_text("hello")


def broken_link(root: Path) -> None:
    (root / "dog/003.png").unlink()
    (root / "dog/003.png").symlink_to("nowhere.png")


def another_size(root: Path) -> None:
    write_image(root / "dog/003.png", pixels(1, 7)[0])


def other_formats(root: Path) -> None:
    for number in range(7):
        Image.new("L", (6, 6)).save(root / f"dog/{number}.gif")


def folder_of_images(root: Path) -> None:
    (root / "dog/more").mkdir()


def loop(root: Path) -> None:
    (root / "dog/loop").symlink_to("loop")


def class_loop(root: Path) -> None:
    (root / "dog/up").symlink_to("..")


def empty_class(root: Path) -> None:
    (root / "emu").mkdir()


def small_class(root: Path) -> None:
    write_folder(root, {"emu": 5})


def huge(root: Path) -> None:
    (root / "dog/003.png").write_bytes(promising(20_000, 20_000))


def promising(width: int, height: int) -> bytes:
    """The beginning of a PNG file that says to be so large."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(header))
    beginning = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + checksum
    return beginning + struct.pack(">I", 99) + b"IDAT"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            no_image,
            (
                "ROOT/dog/003.png: the image must be a readable PNG or JPEG file, but it is "
                "neither; replace or remove it"
            ),
        ),
        (
            broken_link,
            (
                "ROOT/dog/003.png: the image must be a readable PNG or JPEG file, but No such "
                "file or directory; replace or remove it"
            ),
        ),
        (
            another_size,
            (
                "ROOT/dog/003.png: all images must have one size, but this one has 7 x 7 pixels "
                "and ROOT/cat/000.png has 6 x 6; set image_size to resize them, as in "
                "`--set evaluator.image_size=64`"
            ),
        ),
        (
            other_formats,
            (
                "ROOT/dog: images must be .png, .jpg or .jpeg files, but there are 7 others: "
                "0.gif, 1.gif, 2.gif, 3.gif, 4.gif, ...; convert, rename or remove them"
            ),
        ),
        (
            folder_of_images,
            (
                "ROOT/dog/more: a class must hold images alone, but this is a folder; move its "
                "images up"
            ),
        ),
        (
            class_loop,
            (
                "ROOT/dog/up: a class must hold images alone, but this is a folder; move its "
                "images up"
            ),
        ),
        (
            loop,
            (
                "ROOT/dog/loop: files and folders must be readable, but Too many levels of "
                "symbolic links; correct the permissions or the link, or remove it"
            ),
        ),
        (
            empty_class,
            (
                "ROOT/emu: a class must have images (.png, .jpg, .jpeg), but has none; add some or "
                "remove the folder"
            ),
        ),
        (
            small_class,
            (
                "ROOT: there must be at least 6 images of every class to train on, so that each "
                "split has some, but 'emu' has 5; add images or remove the class"
            ),
        ),
    ],
)
def test_what_is_wrong_is_named(root: Path, change: Callable[[Path], None], expected: str) -> None:
    write_folder(root, COUNTS)
    change(root)
    assert message(root) == expected


def test_a_truncated_image_is_named(root: Path) -> None:
    write_folder(root, COUNTS, size=20)
    damaged(root)
    assert message(root).startswith(
        "ROOT/dog/003.png: the image must be a readable PNG or JPEG file, but "
    )


def test_an_image_that_promises_too_much_is_not_decoded(root: Path) -> None:
    write_folder(root, COUNTS)
    huge(root)
    assert message(root) == (
        "ROOT/dog/003.png: an image must have at most 80,000,000 pixels, but has many more; "
        "make it smaller"
    )


def test_images_must_be_square(root: Path) -> None:
    write_folder(root, COUNTS)
    write_image(root / "cat/000.png", pixels(1, 6)[0][:4])
    assert message(root) == (
        "ROOT/cat/000.png: images must be square, but this one is 6 wide and 4 high; set "
        "image_size to resize them, as in `--set evaluator.image_size=64`"
    )
    assert read(str(root), image_size=4).pixels.shape == (15, 4, 4, 3)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_named(root: Path) -> None:
    write_folder(root, COUNTS)
    (root / "dog").chmod(0)
    assert message(root) == (
        "ROOT/dog: files and folders must be readable, but Permission denied; correct the "
        "permissions or the link, or remove it"
    )


def test_parts_must_have_the_same_classes(root: Path) -> None:
    write_folder(root / "train", COUNTS)
    write_folder(root / "val", {"cat": 2})
    assert message(root) == (
        "ROOT/train/dog: all parts must have the same classes, but ROOT/val has no folder 'dog'; "
        "add it there or remove this one"
    )


def test_parts_of_other_names_are_not_forgotten(root: Path) -> None:
    write_folder(root / "train", COUNTS)
    write_folder(root / "validation", COUNTS)
    assert message(root) == (
        "ROOT: beside train there may be the folders val and test, but there is 'validation'; "
        "rename it to val or test, or move it away"
    )


def test_a_part_to_train_on_is_needed(root: Path) -> None:
    write_folder(root / "test", COUNTS)
    write_folder(root / "training", COUNTS)
    assert message(root) == (
        "ROOT: beside test there must be a folder train, but there is none; add it, or rename what "
        "it is called"
    )


@pytest.mark.parametrize(("counts", "has"), [({}, "are no folders"), ({"a": 6}, "is 1 folder")])
def test_there_must_be_classes(root: Path, counts: dict[str, int], has: str) -> None:
    root.mkdir()
    write_folder(root, counts)
    assert message(root) == (
        f"ROOT: there must be a folder of images for each of at least 2 classes, but there {has}; "
        "arrange the images as ROOT/train/CLASS/IMAGE.png"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    write_folder(root, {"a": 6, "b": 6}, size=12)
    return root


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), form=st.sampled_from(["png", "jpeg", "palette", "jpeg-cmyk"]))
def test_damage_gives_invalid_data_and_nothing_else(
    whole: Path, data: st.DataObject, form: str
) -> None:
    content = bytearray(encoded(form))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content))))
    (whole / "a/000.png").write_bytes(content[:cut])
    with contextlib.suppress(InvalidData):
        read(str(whole), image_size=data.draw(st.sampled_from([None, 5])))


def encoded(form: str) -> bytes:
    image = Image.fromarray(pixels(1, 12)[0])
    buffer = io.BytesIO()
    if form == "palette":
        image.quantize(8).save(buffer, "png", transparency=3)
    elif form == "jpeg-cmyk":
        image.convert("CMYK").save(buffer, "jpeg")
    else:
        image.save(buffer, form)
    return buffer.getvalue()
