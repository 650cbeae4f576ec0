"""Measures how long a data set takes until its first batch, decoded and from the cache.

    python benchmarks/data_loading.py [DATA] [--image-size 32] [--rounds 5]

DATA is whatever `--data` takes. Each round decodes into an empty cache, opens it cold (its pages
are first dropped from the memory of the operating system) and warm, and then splits, normalises
and takes a batch of 128. The files of DATA themselves are read before, so that no disk is timed.
Seconds of CPU time, which other processes disturb little, and of the wall clock; importing torch
comes in front of that and is not timed.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch

from bnas.data import LabelledImages, read
from bnas.data.memory import search_data

Value = TypeVar("Value")
# Of each step, CPU time and wall clock in each round.
Seconds = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Prints the median, the least and the most seconds of each step, in both clocks."""
    options = _options()
    seconds: Seconds = {}
    images = None
    for _ in range(options.rounds):
        with _empty_cache() as folder:
            images = _round(options.data, options.image_size, folder, seconds)
    if images is None:
        return
    print(f"{options.data}: {len(images.labels):,} images, {images.facts}, {options.rounds} rounds")
    for step, values in seconds.items():
        cpu, wall = (_spread(list(clock)) for clock in zip(*values, strict=True))
        print(f"{step:28} CPU {cpu}   wall {wall}")


def _spread(values: list[float]) -> str:
    return f"{median(values):6.2f} s ({min(values):.2f} to {max(values):.2f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Seconds until the first batch.")
    parser.add_argument("data", nargs="?", default="digits")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _round(data: str, image_size: int | None, folder: Path, seconds: Seconds) -> LabelledImages:
    def timed(step: str, work: Callable[[], Value]) -> Value:
        cpu, wall = time.process_time(), time.perf_counter()
        value = work()
        spent = time.process_time() - cpu, time.perf_counter() - wall
        seconds.setdefault(step, []).append(spent)
        return value

    timed("decoded and written", lambda: read(data, image_size=image_size))
    _drop_pages(folder)
    timed("opened from the cache, cold", lambda: read(data, image_size=image_size))
    images = timed("opened from the cache, warm", lambda: read(data, image_size=image_size))
    found = timed("split and normalised", lambda: search_data(images, split_seed=0))
    timed("first batch", lambda: next(found.train.batches([torch.arange(128)])))
    return images


@contextmanager
def _empty_cache() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BNAS_CACHE"] = folder
        yield Path(folder)


def _drop_pages(folder: Path) -> None:
    for path in folder.glob("*.pack"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
