"""What measuring a network's health costs, in training steps.

    python benchmarks/health_overhead.py [--repeats 9]

Epochs and measurements alternate, in processor time of one thread. Health is measured once an
epoch, whatever the number of its steps.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from bnas.architecture import load_design
from bnas.data import labelled_images, read
from bnas.data.images import LabelledImages
from bnas.data.memory import final_data
from bnas.training import Recipe, course
from bnas.training.health import Monitor, probe
from bnas.training.loop import train

DESIGN = "resnet20-bireal"


def noise(size: int, channels: int) -> LabelledImages:
    """Images of the size of CIFAR-10's; what they show takes no time."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (1024, size, size, channels), dtype=np.uint8)
    return labelled_images(pixels, np.arange(1024) % 10, origin="noise")


def seconds(action: Callable[[], object]) -> float:
    """Processor time of an action."""
    began = time.process_time()
    action()
    return time.process_time() - began


def steps_per_measurement(images: LabelledImages, batch_size: int, repeats: int) -> list[float]:
    """What one measurement costs, in steps, measured again and again."""
    data = final_data(images, split_seed=0)
    recipe = Recipe(
        optimizer="adam", learning_rate=0.001, schedule="constant", batch_size=batch_size
    )
    training = course.begin(load_design(DESIGN).architecture, recipe, facts=data.facts, seed=0)
    monitor = Monitor(training.model, probe(data.train))
    epochs = train(training, data.train, recipe, epochs=repeats + 1)
    steps = -(-len(data.train) // batch_size)
    found = []
    for _ in range(repeats + 1):
        step = seconds(lambda: next(epochs)) / steps
        found.append(seconds(lambda: monitor.measure(training.model)) / step)
    return found[1:]  # the first warms up


def main() -> None:
    """Prints the median and the range of each setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {DESIGN}, one thread, n = {repeats}")
    for name, images, batch_size, real in (
        ("8x8, batch 64", read("digits"), 64, 24),
        ("32x32, batch 128", noise(32, 3), 128, 391),
    ):
        found = steps_per_measurement(images, batch_size, repeats)
        middle = median(found)
        print(
            f"{name}: {middle:.2f} steps ({min(found):.2f} to {max(found):.2f}), "
            f"{middle / real:.1%} of an epoch of {real} steps"
        )


if __name__ == "__main__":
    main()
