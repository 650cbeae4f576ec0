"""Measures what the rungs of `cifar10-proxy` cost in ranks and save in time.

    python benchmarks/rungs.py

Trains nothing: takes the designs of different kind that `bnas fidelity` trained for docs/proxies.md
(`results/reference/fidelity-cifar10.csv`), lets a search come upon them in random orders, and stops
those that its rungs would. What is left of their trainings costs nothing, and they are ranked by
what is to be expected of them: their accuracy at the rung and what those that finished gained after
it on average. Prints Spearman's correlation with the long training, of all designs, stopped ones
included, and by how much the time shrinks: the median over the orders and the range of nine in ten.
`search_rate.py` does the same with networks that differ in size.
"""

import csv
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Final, Generic, NamedTuple, TypeVar

from scipy.stats import spearmanr

from bnas.evaluation import EvaluatorDefinition, load_evaluator
from bnas.search.halving import Halving, Rungs

TRAININGS: Final = (
    Path(__file__).resolve().parent.parent / "results" / "reference" / "fidelity-cifar10.csv"
)
PROXIES: Final = {"recipe.ema=0": "without the average", "cifar10-proxy": "cifar10-proxy"}
ORDERS: Final = 1000

Network = TypeVar("Network")


class Trained(NamedTuple, Generic[Network]):
    """Trainings that were not stopped.

    Attributes:
        accuracies: After each epoch of the proxy.
        times: Spent until then, in any unit.
        ops: Operations of each network.
    """

    accuracies: Mapping[Network, Sequence[float]]
    times: Mapping[Network, Sequence[float]]
    ops: Mapping[Network, float]


class Search(NamedTuple):
    """What comes of networks that are stopped at rungs.

    Attributes:
        time: Spent on all.
        finished: How many were not stopped.
        accuracies: What is to be expected of each in the end, in the order of the trainings.
    """

    time: float
    finished: int
    accuracies: list[float]


def searches(trained: Trained[Network]) -> Iterator[Search]:
    """Comes upon the networks in random orders."""
    networks = list(trained.accuracies)
    proxy = load_evaluator("cifar10-proxy")
    for seed in range(ORDERS):
        yield search(trained, random.Random(seed).sample(networks, len(networks)), proxy)


def search(
    trained: Trained[Network], order: Sequence[Network], proxy: EvaluatorDefinition
) -> Search:
    """Stops networks as the proxy's rungs do, where they come in this order."""
    curves = trained.accuracies
    length = len(curves[order[0]])
    halving = Halving(proxy.rungs or Rungs(), epochs=length, objectives=("accuracy", "ops"))
    last: dict[Network, int] = {}
    for number, network in enumerate(order):
        last[network] = length
        for epoch in sorted(halving.epochs):
            accuracy = curves[network][epoch - 1]
            halving.enter(number, epoch, {"accuracy": accuracy, "ops": trained.ops[network]})
            if not halving.goes_on(number, epoch):
                last[network] = epoch
                break
    finished = [network for network in order if last[network] == length]
    gain = [fmean(curves[n][-1] - curves[n][epoch] for n in finished) for epoch in range(length)]
    return Search(
        time=sum(trained.times[network][last[network] - 1] for network in curves),
        finished=len(finished),
        accuracies=[curves[n][last[n] - 1] + gain[last[n] - 1] for n in curves],
    )


def rank(accuracies: Sequence[float], truth: Sequence[float]) -> float:
    """Spearman's correlation."""
    return float(spearmanr(accuracies, truth).statistic)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median of some values, and the range of nine in ten."""
    low, *_, high = quantiles(values, n=20)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    """Prints the table."""
    rows: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    with TRAININGS.open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["proxy"]][row["digest"]] = row
    truth = [float(row["accuracy"]) for row in rows["long"].values()]
    print("| proxy | Spearman | finish | Spearman with rungs | times the designs |")
    print("|---|---|---|---|---|")
    for proxy, title in PROXIES.items():
        trainings = {digest: rows[proxy][digest] for digest in rows["long"]}
        trained = Trained(
            accuracies={digest: _numbers(row["accuracies"]) for digest, row in trainings.items()},
            times={digest: _numbers(row["times"]) for digest, row in trainings.items()},
            ops={digest: float(rows["ops"][digest]["score"]) for digest in trainings},
        )
        whole = sum(times[-1] for times in trained.times.values())
        found = list(searches(trained))
        cells = (
            title,
            f"{rank([curve[-1] for curve in trained.accuracies.values()], truth):.2f}",
            spread([run.finished for run in found], 0),
            spread([rank(run.accuracies, truth) for run in found]),
            spread([whole / run.time for run in found]),
        )
        print("|", " | ".join(cells), "|")


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split()]


if __name__ == "__main__":
    main()
