"""Measures how many architectures a CPU-hour judges, and how well, against the published style.

    OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 python benchmarks/search_rate.py --data CIFAR10

Twelve depths and widths of ReActNet's units on ResNet are trained as the evaluator `cifar10-proxy`
says: in the style of the published code (`baselines/published_style.py`) and by this project, there
also without the evaluator's average of weights, both also with half its epochs; and for the truth
in float32, with another seed, two epochs on all images. As in a search on two cores, two processes
train side by side, both in one style; after four networks it is the next style's turn. All of their
CPU time counts, their start and their compilers with empty caches too.

Prints architectures a CPU-hour, Spearman's correlation with the truth of all networks, and its
difference to that of the published style, with bootstrap intervals. Then the same where the
evaluator's rungs stop networks (`rungs.py`). Keeps every epoch in
`results/reference/search-rate.csv`; what is there is not trained again. Without --data it prints
what another file has (`--results`).
"""

import argparse
import csv
import os
import resource
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from itertools import product
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
PUBLISHED, OURS = "published", "ours"
PUBLISHED_SHORT, OURS_SHORT = "published, 2 epochs", "ours, 2 epochs"
LAST, TRUTH = "ours without average", "long"
IN_PUBLISHED_STYLE: Final = {PUBLISHED, PUBLISHED_SHORT}
STYLES: Final = (PUBLISHED, OURS, OURS_SHORT, PUBLISHED_SHORT, LAST, TRUTH)
# What runs side by side, and how many networks a style trains before the next one does.
WORKERS: Final = 2
AT_ONCE: Final = 4
SHORT_EPOCHS: Final = 2
TRUE_EPOCHS: Final = 2


class Epoch(NamedTuple):
    """What is known after an epoch: accuracy, and CPU seconds that the training took until then."""

    accuracy: float
    cpu_s: float


Network = tuple[int, int]
Curves = dict[Network, list[Epoch]]


def main() -> None:
    """Trains what is missing, then prints the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="folder with the batches of CIFAR-10")
    parser.add_argument("--results", type=Path, default=RESULTS, help="what was measured")
    arguments = parser.parse_args()
    known = read(arguments.results)
    if arguments.data is not None:
        measure(known, arguments.data, arguments.results)
    if is_complete(known[PUBLISHED]) and is_complete(known[TRUTH]):
        show({style: curves for style, curves in known.items() if is_complete(curves)})
    else:
        print("nothing can be compared yet: say with --data where CIFAR-10 is")


def is_complete(curves: Curves) -> bool:
    """Whether all networks were trained."""
    return all(network in curves for network in NETWORKS)


def measure(known: dict[str, Curves], data: str, results: Path) -> None:
    """Trains what is not known, and writes it down."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as threads:
        workers = {
            style: [Process(style, data, Path(folder)) for _ in range(WORKERS)] for style in STYLES
        }
        for begin, style in product(range(0, len(NETWORKS), AT_ONCE), STYLES):
            networks = NETWORKS[begin : begin + AT_ONCE]
            todo = deque(network for network in networks if network not in known[style])

            def work(process: Process, todo: deque[Network] = todo, style: str = style) -> None:
                while todo:
                    network = todo.popleft()
                    known[style][network] = process.train(network)

            list(threads.map(work, workers[style]))
            write(known, results)


class Process:
    """A process that trains in one style."""

    def __init__(self, style: str, data: str, folder: Path) -> None:
        self._style = style
        self._data = data
        self._counted = 0.0
        # C++ compilers do not find a cache with blanks in its path.
        cache = folder / style.replace(" ", "-")
        self._executor = ProcessPoolExecutor(
            1,
            mp_context=get_context("spawn"),
            initializer=prepare,
            initargs=(style, str(cache)),
        )

    def train(self, network: Network) -> list[Epoch]:
        """Trains a network; the first one bears what the process took to begin."""
        curve = self._executor.submit(trained, self._style, self._data, network).result()
        before, self._counted = self._counted, curve[-1].cpu_s
        found = [Epoch(point.accuracy, point.cpu_s - before) for point in curve]
        print(f"{self._style}, depth {network[0]}, width {network[1]}: {found[-1]}", flush=True)
        return found


def prepare(style: str, cache: str) -> None:
    """Gives a process caches of its own, and the published style the memory it would have."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
    os.environ["BNAS_CACHE"] = f"{cache}-kernels-and-images"
    if style in IN_PUBLISHED_STYLE:
        # Trainings change nothing about the heap where this is set; the C library looked at it when
        # the process began.
        os.environ["GLIBC_TUNABLES"] = ""


def trained(style: str, data: str, network: Network) -> list[Epoch]:
    """Trains a network in this process; seconds are those since it began."""
    definition = load_evaluator("cifar10-proxy").model_copy(update={"data": data, "rungs": None})
    if style in {PUBLISHED_SHORT, OURS_SHORT}:
        definition = definition.model_copy(update={"epochs": SHORT_EPOCHS})
    if style not in {OURS, OURS_SHORT}:
        # The average of the weights is the project's.
        recipe = definition.recipe.model_copy(update={"ema": 0.0})
        definition = definition.model_copy(update={"recipe": recipe})
    if style == TRUTH:
        definition = definition.model_copy(
            update={"epochs": TRUE_EPOCHS, "subset": None, "acceleration": Acceleration()}
        )
    train_one = as_published if style in IN_PUBLISHED_STYLE else as_here
    return list(train_one(definition, *network, seed=int(style == TRUTH)))


def as_here(
    definition: EvaluatorDefinition, depth: int, width: int, *, seed: int
) -> Iterator[Epoch]:
    """A trial of this project."""
    found: list[Epoch] = []

    def report(progress: Progress) -> bool:
        if progress.note is not None:
            raise RuntimeError(progress.note)
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
    slow = total(curves[PUBLISHED])
    print("| proxy | architectures a CPU-hour | times | finish | Spearman | less the published's |")
    print("|---|---|---|---|---|---|")
    proxies = [style for style in curves if style not in {LAST, TRUTH}]
    for style in proxies:
        found = accuracies(curves, style)
        whole = total(curves[style])
        row(
            style,
            f"{rate(whole):.1f}",
            f"{slow / whole:.2f}",
            str(len(NETWORKS)),
            interval(estimate(spearman, found, truth)),
            interval(estimate(difference, found, accuracies(curves, PUBLISHED), truth)),
        )
    for style in proxies:
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


def known_to_the_end(curves: Curves) -> Trained[Network]:
    """What rungs are tried on."""
    return Trained(
        accuracies={n: [point.accuracy for point in curves[n]] for n in NETWORKS},
        times={n: [point.cpu_s for point in curves[n]] for n in NETWORKS},
        ops={n: operations(*n) for n in NETWORKS},
    )


def total(curves: Curves) -> float:
    """CPU seconds of all networks."""
    return sum(curves[network][-1].cpu_s for network in NETWORKS)


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


def read(path: Path) -> dict[str, Curves]:
    """What was measured before, by style."""
    found: dict[str, Curves] = {style: defaultdict(list) for style in STYLES}
    if path.exists():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                epoch = Epoch(float(row["accuracy"]), float(row["cpu_s"]))
                curves = found.setdefault(row["style"], defaultdict(list))
                curves[int(row["depth"]), int(row["width"])].append(epoch)
    return found


def write(curves: dict[str, Curves], path: Path) -> None:
    """Writes down all that is known."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for style, networks in curves.items():
            for (depth, width), curve in networks.items():
                for epoch, point in enumerate(curve, 1):
                    row = (f"{point.accuracy:.4f}", f"{point.cpu_s:.2f}")
                    writer.writerow((style, depth, width, epoch, *row))


if __name__ == "__main__":
    main()
