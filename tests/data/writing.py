"""Writes small data sets of every form that the readers know."""

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def pixels(num_images: int, size: int = 32, channels: int = 3, seed: int = 0) -> Pixels:
    """Noise (N, H, W, C)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num_images, size, size, channels), dtype=np.uint8)


def write_image(path: Path, pixels_HWC: Pixels) -> None:
    """A PNG file, grey if there is one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels_HWC[..., 0] if pixels_HWC.shape[-1] == 1 else pixels_HWC).save(path)


def write_folder(
    root: Path, counts: dict[str, int], *, size: int = 6, channels: int = 3, seed: int = 0
) -> dict[str, Pixels]:
    """Images of each class in the folder of its name; returns what was written."""
    written = {}
    for number, (name, count) in enumerate(counts.items()):
        written[name] = pixels(count, size, channels, seed + number)
        for index, image in enumerate(written[name]):
            write_image(root / name / f"{index:03}.png", image)
    return written


def write_cifar10(root: Path, *, num_images: int = 20) -> tuple[Pixels, list[int]]:
    """The batches in the form of Python 2, as published; all images and labels, test last."""
    root.mkdir()
    x = pixels(6 * num_images)
    labels = [index % 10 for index in range(6 * num_images)]
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for number, name in enumerate(names):
        rows = slice(number * num_images, (number + 1) * num_images)
        batch: dict[bytes, Any] = {
            b"batch_label": b"a batch",
            b"labels": labels[rows],
            b"data": planes(x[rows]),
            b"filenames": [b"image.png"] * num_images,
        }
        (root / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {
        b"num_cases_per_batch": 10000,
        b"label_names": [f"class {i}".encode() for i in range(10)],
    }
    (root / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return x, labels


def write_cifar100(root: Path) -> tuple[Pixels, list[int]]:
    """The two batches and the names; all images and fine labels, test last."""
    root.mkdir()
    x = pixels(800)
    fine = [index % 100 for index in range(800)]
    for name, rows in (("train", slice(0, 600)), ("test", slice(600, 800))):
        batch = {
            b"fine_labels": fine[rows],
            b"coarse_labels": [label // 5 for label in fine[rows]],
            b"data": planes(x[rows]),
        }
        (root / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {b"fine_label_names": [f"fine {i}".encode() for i in range(100)]}
    (root / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    return x, fine


def planes(x_NHWC: Pixels) -> Pixels:
    """(N, 3072), as CIFAR's batches have them."""
    return np.ascontiguousarray(x_NHWC.transpose(0, 3, 1, 2).reshape(len(x_NHWC), -1))


def idx(array: npt.NDArray[Any]) -> bytes:
    """The content of an IDX file."""
    header = np.array([0x800 + array.ndim, *array.shape], ">u4")
    return header.tobytes() + array.astype(np.uint8).tobytes()


def write_idx(root: Path, *, suffix: str = "", test: bool = True) -> tuple[Pixels, Pixels]:
    """MNIST's four files, or two of them; all images and labels, test last."""
    root.mkdir()
    x = pixels(60, 8, 1)[..., 0]
    y = (np.arange(60) % 5).astype(np.uint8)
    for name, rows in (("train", slice(0, 40)), ("t10k", slice(40, 60)))[: 2 if test else 1]:
        for kind, array in (("images-idx3", x[rows]), ("labels-idx1", y[rows])):
            content = idx(array)
            path = root / f"{name}-{kind}-ubyte{suffix}"
            path.write_bytes(gzip.compress(content) if suffix else content)
    return x[..., None], y
