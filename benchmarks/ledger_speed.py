"""Measures how many full ledgers one core makes in a second.

    python benchmarks/ledger_speed.py [--space resnet] [--architectures 1000] [--rounds 15]

Full means every layer with its name and all its figures, and the totals. The architectures are
sampled, all distinct, and priced once a round; sampling and decoding are not timed. Nothing is
cached between ledgers; within one, the blocks of a stage from the second on, which are equal but
for their names, are priced once. Timed is the CPU time of the process, so that other processes
disturb little; each round is one measurement.
"""

import argparse
import time
from collections.abc import Callable
from statistics import mean, median

import numpy as np

from bnas.architecture import Architecture, canonical, plan
from bnas.cost import Ledger, ledger
from bnas.space import load_space

WANTED = 5000


def main() -> None:
    """Prints ledgers a second: median, spread and number of rounds."""
    options = _options()
    architectures = _distinct(options.space, options.architectures, options.seed)

    def full(architecture: Architecture) -> Ledger:
        return ledger(architecture, image_size=options.image_size, num_classes=10)

    rows = mean(len(full(architecture).layers) for architecture in architectures)
    print(
        f"space {options.space}: {len(architectures)} distinct architectures, "
        f"{rows:.0f} layers on average, {options.rounds} rounds"
    )
    found = _rounds("full ledger", full, architectures, options.rounds)
    _rounds("  of it the canonical form", canonical, architectures, options.rounds)
    _rounds("  and with it the plan", plan, architectures, options.rounds)
    print(f"{1e6 / found:,.0f} ledgers a second by the median; wanted are {WANTED:,}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Full ledgers a second on one core.")
    parser.add_argument("--space", default="resnet")
    parser.add_argument("--architectures", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _distinct(space: str, number: int, seed: int) -> list[Architecture]:
    searched, rng = load_space(space), np.random.default_rng(seed)
    found: dict[Architecture, None] = {}
    while len(found) < number:
        found[searched.sample(rng)] = None
    return list(found)


def _rounds(
    label: str,
    work: Callable[[Architecture], object],
    architectures: list[Architecture],
    rounds: int,
) -> float:
    """Prints and returns the median time of an architecture in microseconds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for architecture in architectures:
            work(architecture)
        times.append((time.process_time() - start) / len(architectures) * 1e6)
    middle = median(times)
    print(
        f"{label:28} median {middle:6.1f} us, {min(times):.1f} to {max(times):.1f} "
        f"in {rounds} rounds"
    )
    return middle


if __name__ == "__main__":
    main()
