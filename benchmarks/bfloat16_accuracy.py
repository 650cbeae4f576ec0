"""Measures what bfloat16 does to the accuracy that trainings end with.

    OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 python benchmarks/bfloat16_accuracy.py [--seeds 10]

Trains the first candidates of a search space on digits, from the same seeds in float32 and in
bfloat16, and prints the mean difference in accuracy with its 95 % t-interval over the pairs.
"""

import argparse
from statistics import mean, stdev

from scipy.stats import t

from bnas.architecture import Architecture
from bnas.evaluation import ProxyTraining, load_evaluator
from bnas.space import load_space
from bnas.training import Acceleration


def main() -> None:
    """Prints a line for each design, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    designs = dict(load_space("resnet").first_candidates)
    print(
        "| design | n | float32 % | bfloat16 % | difference, 95 % interval |\n|---|---|---|---|---|"
    )
    everything: list[tuple[float, float]] = []
    for name in ("bireal-small", "reactnet-small", "reactnet-tiny"):
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        pairs = [scores(designs[name], seed, options.epochs) for seed in seeds]
        everything += pairs
        print(row(name, pairs), flush=True)
    print(row("all", everything))


def scores(architecture: Architecture, seed: int, epochs: int) -> tuple[float, float]:
    """Accuracies in percent, in float32 and in bfloat16."""
    in_full, in_half = (evaluator(precision, epochs) for precision in ("float32", "bfloat16"))
    return score(in_full, architecture, seed), score(in_half, architecture, seed)


def evaluator(precision: str, epochs: int) -> ProxyTraining:
    """The digits' evaluator in a number type."""
    acceleration = Acceleration.model_validate({"precision": precision, "compile": "none"})
    changes = {"acceleration": acceleration, "epochs": epochs}
    return load_evaluator("digits").model_copy(update=changes).build()


def score(built: ProxyTraining, architecture: Architecture, seed: int) -> float:
    """Accuracy in percent."""
    found = built.evaluate(architecture, seed=seed, report=lambda _: True)
    return 100 * found.accuracy


def row(name: str, pairs: list[tuple[float, float]]) -> str:
    """A line of the table."""
    differences = [half - full for full, half in pairs]
    spread = stdev(differences) / len(pairs) ** 0.5 * float(t.ppf(0.975, len(pairs) - 1))
    middle = mean(differences)
    return (
        f"| {name} | {len(pairs)} | {mean(full for full, _ in pairs):.2f} | "
        f"{mean(half for _, half in pairs):.2f} | "
        f"{middle:+.2f} ({middle - spread:+.2f} to {middle + spread:+.2f}) |"
    )


if __name__ == "__main__":
    main()
