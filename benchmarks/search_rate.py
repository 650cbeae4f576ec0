"""Measures how many architectures a CPU-hour judges, and how well, against the published style.

    OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 python benchmarks/search_rate.py --data CIFAR10

Twelve depths and widths of ReActNet's units on ResNet are trained as the evaluator `cifar10-proxy`
says: in the style of the published code (`baselines/published_style.py`) and by this project, there
also without the evaluator's average of weights, and with shorter schedules; and for the truth in
float32, with another seed, two epochs on all images. Start and compilation with an empty cache
count: the time is all CPU time of one process for each of these, its compilers included.

Prints architectures a CPU-hour, Spearman's correlation with the truth of all networks, and its
difference to that of the published style, with bootstrap intervals. Then the same where the
evaluator's rungs stop networks (`rungs.py`). Keeps every epoch in
`results/reference/search-rate.csv`; what is there is not trained again.
"""

import argparse
import csv
import os
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import torch
from baselines.published_style import PublishedNetwork
from rungs import Trained, rank, searches, spread
from torch import Tensor, nn

from bnas.architecture import Architecture, load_design
from bnas.cost import ledger
from bnas.data.loading import load_search_data
from bnas.evaluation import EvaluatorDefinition, load_evaluator
from bnas.runs.fidelity.correlation import Array, Correlation, estimate, spearman
from bnas.search.port import Progress
from bnas.training import Acceleration, course
from bnas.training.loop import score, train

RESULTS: Final = (
    Path(__file__).resolve().parent.parent / "results" / "reference" / "search-rate.csv"
)
COLUMNS: Final = ("style", "depth", "width", "epoch", "accuracy", "cpu_s")
DESIGN: Final = load_design("resnet20-reactnet").architecture
# Mixed, so that what changes on the machine meets small and large ones alike.
NETWORKS: Final = [
    *[(2, 16), (1, 8), (3, 24), (1, 24), (3, 8), (2, 12)],
    *[(3, 16), (1, 12), (2, 24), (2, 8), (1, 16), (3, 12)],
]
PUBLISHED, LAST, OURS, TRUTH = "published", "ours without average", "ours", "long"
SHORTER: Final = {f"{OURS}, {epochs} epochs": epochs for epochs in (2, 3)}
STYLES: Final = (PUBLISHED, LAST, OURS, TRUTH, *SHORTER)
TRUE_EPOCHS: Final = 2


class Epoch(NamedTuple):
    """What is known after an epoch: accuracy, and CPU seconds since its process began."""

    accuracy: float
    cpu_s: float


Curves = dict[tuple[int, int], list[Epoch]]


def main() -> None:
    """Trains what is missing, then prints the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="folder with the batches of CIFAR-10")
    parser.add_argument("--style", choices=STYLES, help="train only this, beside another process")
    arguments = parser.parse_args()
    known = read()
    for style in [arguments.style] if arguments.style else STYLES:
        if style in known:
            continue
        if arguments.data is None:
            print("nothing is measured without CIFAR-10: say where it is with --data")
            return
        with tempfile.TemporaryDirectory() as cache:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
                known[style] = executor.submit(trained, style, arguments.data).result()
        write(style, known[style])
    if all(style in known for style in STYLES):
        show(known)


def trained(style: str, data: str) -> Curves:
    """Trains all networks in this process, one after the other."""
    definition = load_evaluator("cifar10-proxy").model_copy(update={"data": data, "rungs": None})
    epochs = SHORTER.get(style, definition.epochs)
    definition = definition.model_copy(update={"epochs": epochs})
    if style not in {OURS, *SHORTER}:
        # The average of the weights is the project's.
        recipe = definition.recipe.model_copy(update={"ema": 0.0})
        definition = definition.model_copy(update={"recipe": recipe})
    if style == TRUTH:
        definition = definition.model_copy(
            update={"epochs": TRUE_EPOCHS, "subset": None, "acceleration": Acceleration()}
        )
    curves: Curves = {}
    for depth, width in NETWORKS:
        train_one = as_published if style == PUBLISHED else as_here
        curves[depth, width] = list(train_one(definition, depth, width, seed=int(style == TRUTH)))
        print(f"{style}, depth {depth}, width {width}: {curves[depth, width][-1]}", flush=True)
    return curves


def as_here(
    definition: EvaluatorDefinition, depth: int, width: int, *, seed: int
) -> Iterator[Epoch]:
    """A trial of this project."""
    found: list[Epoch] = []

    def report(progress: Progress) -> bool:
        found.append(Epoch(progress.accuracy, cpu_s()))
        return True

    definition.build().evaluate(architecture(depth, width), seed=seed, report=report)
    return iter(found)


def as_published(
    definition: EvaluatorDefinition, depth: int, width: int, *, seed: int
) -> Iterator[Epoch]:
    """The same training of the same initial network in the published style.

    Images, their augmentation and the schedule are the project's, which cost little.
    """
    torch.set_num_threads(1)
    data = load_search_data(definition.images, device="cpu")
    recipe = definition.recipe
    training = course.begin(architecture(depth, width), recipe, facts=data.facts, seed=seed)
    network = PublishedNetwork(width=width, depth=depth, num_classes=data.facts.num_classes)
    network.load_state_dict(training.model.state_dict())
    training.model = DefaultLayout(network)
    training.optimizer = torch.optim.Adam(network.parameters(), weight_decay=recipe.weight_decay)
    for _ in train(training, data.train, recipe, epochs=definition.epochs):
        yield Epoch(score(training.network, data.validation).accuracy, cpu_s())


class DefaultLayout(nn.Module):
    """A network whose images come with their channels outermost."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Maps images (N, 3, H, W) to logits (N, num_classes)."""
        logits: Tensor = self.network(images.contiguous())
        return logits


def architecture(depth: int, width: int) -> Architecture:
    """ReActNet's units in three stages of so many blocks; channels double from `width` on."""
    stages = tuple(
        replace(stage, depth=depth, width=width << index)
        for index, stage in enumerate(DESIGN.stages)
    )
    return replace(DESIGN, stem=replace(DESIGN.stem, width=width), stages=stages)


def cpu_s() -> float:
    """CPU seconds of this process since it began, and of its compilers."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def show(curves: dict[str, Curves]) -> None:
    """Prints the tables."""
    truth = accuracies(curves, TRUTH)
    slow = sum(spent(curves[PUBLISHED], network)[-1] for network in NETWORKS)
    print("| proxy | architectures a CPU-hour | times | finish | Spearman | less the published's |")
    print("|---|---|---|---|---|---|")
    for style in (PUBLISHED, OURS, *SHORTER):
        found = accuracies(curves, style)
        whole = sum(spent(curves[style], network)[-1] for network in NETWORKS)
        row(
            style,
            f"{rate(whole):.1f}",
            f"{slow / whole:.2f}",
            str(len(NETWORKS)),
            interval(estimate(spearman, found, truth)),
            interval(estimate(difference, found, accuracies(curves, PUBLISHED), truth)),
        )
    for style in (PUBLISHED, OURS):
        stopped = list(searches(known_to_the_end(curves[style])))
        row(
            f"{style}, stopped at rungs",
            spread([rate(one.time) for one in stopped], 1),
            spread([slow / one.time for one in stopped]),
            spread([one.finished for one in stopped], 0),
            spread([rank(one.accuracies, truth) for one in stopped]),
            "-",
        )
    print("\n| after epoch | published style | ours without average | ours |\n|---|---|---|---|")
    for index in range(len(curves[OURS][NETWORKS[0]])):
        ranks = [
            estimate(spearman, accuracies(curves, style, index), truth)
            for style in (PUBLISHED, LAST, OURS)
        ]
        row(str(index + 1), *map(interval, ranks))


def accuracies(curves: dict[str, Curves], style: str, index: int = -1) -> list[float]:
    """Accuracies of all networks, by default after the last epoch."""
    return [curves[style][network][index].accuracy for network in NETWORKS]


def difference(weights_Bn: Array, x_nn: Array, y_nn: Array, truth_nn: Array) -> Array:
    """Spearman's rho of x and the truth less that of y and the truth, for each resample."""
    return spearman(weights_Bn, x_nn, truth_nn) - spearman(weights_Bn, y_nn, truth_nn)


def known_to_the_end(curves: Curves) -> Trained[tuple[int, int]]:
    """What rungs are tried on."""
    return Trained(
        accuracies={n: [point.accuracy for point in curves[n]] for n in NETWORKS},
        times={n: spent(curves, n) for n in NETWORKS},
        ops={n: operations(*n) for n in NETWORKS},
    )


def spent(curves: Curves, network: tuple[int, int]) -> list[float]:
    """CPU seconds of a network until each of its epochs ended."""
    place = NETWORKS.index(network)
    began = curves[NETWORKS[place - 1]][-1].cpu_s if place else 0.0
    return [point.cpu_s - began for point in curves[network]]


def row(*cells: str) -> None:
    """Prints a row of a table."""
    print("|", " | ".join(cells), "|")


def interval(found: Correlation) -> str:
    """A correlation with its interval, where it has them."""
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def rate(cpu_s: float) -> float:
    """Architectures a CPU-hour."""
    return 3600 * len(NETWORKS) / cpu_s


def operations(depth: int, width: int) -> float:
    """OPs of a network."""
    return ledger(architecture(depth, width), image_size=32, num_classes=10).totals.ops


def read() -> dict[str, Curves]:
    """What was measured before, by style."""
    found: dict[str, Curves] = defaultdict(lambda: defaultdict(list))
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            for row in csv.DictReader(file):
                epoch = Epoch(float(row["accuracy"]), float(row["cpu_s"]))
                found[row["style"]][int(row["depth"]), int(row["width"])].append(epoch)
    return dict(found)


def write(style: str, curves: Curves) -> None:
    """Adds the epochs of one style."""
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        for (depth, width), curve in curves.items():
            for epoch, point in enumerate(curve, 1):
                row = (f"{point.accuracy:.4f}", f"{point.cpu_s:.2f}")
                writer.writerow((style, depth, width, epoch, *row))


if __name__ == "__main__":
    main()
