"""Trains what each paper contributes on CIFAR-10, with it and without it, at an equal budget.

    OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 python benchmarks/ablation.py --data CIFAR10 [--jobs 2]
    ... benchmarks/ablation.py --data CIFAR10 --epochs 10 --subset 50000 --row BinaryDuo ReActNet

Every row is a `bnas retrain` of one design with one recipe, under `results/runs`, where an
interrupted one goes on; float twins are trained beside them. All have the same images, epochs and
seeds, but for the teachers, which are trained first and come on top. Adds what has ended to
`results/reference/ablation-cifar10.csv`, prints a table and draws
`docs/images/ablation-cifar10.png`, of the default schedule alone. With --draw it only does the
latter two. Other schedules are kept and shown beside it.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from matplotlib.figure import Figure

from bnas.architecture import Architecture, Design, load_design
from bnas.architecture.canonical import canonical
from bnas.architecture.model import Downsampling
from bnas.cost import ledger
from bnas.data.loading import load_final_data
from bnas.evaluation import EvaluatorDefinition
from bnas.runs.folder import RunFolder
from bnas.runs.repeats import Estimate
from bnas.runs.retraining.resolution import resolve
from bnas.runs.retraining.retrain import resume, start
from bnas.search.port import Evaluation
from bnas.training import course
from bnas.training.loop import score, train

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "results" / "reference" / "ablation-cifar10.csv"
FIGURE: Final = ROOT / "docs" / "images" / "ablation-cifar10.png"
COLUMNS: Final = ("paper", "what", "ops", "seed", "accuracy", "images")
SEEDS: Final = (1, 2, 3)


class Budget(NamedTuple):
    """How long a training is: so many epochs on so many images."""

    epochs: int = 5
    subset: int = 30_000

    @property
    def images(self) -> int:
        """That a training sees in all."""
        return self.epochs * self.subset

    @property
    def settings(self) -> tuple[str, ...]:
        """What is set of every recipe."""
        return (
            f"evaluator.epochs={self.epochs}",
            f"evaluator.subset={self.subset}",
            # The papers have 128 and 256; of so few images, those are too few steps.
            "evaluator.recipe.batch_size=64",
            "evaluator.acceleration={precision: bfloat16, compile: auto}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One design with one recipe.

    Attributes:
        paper: Whose contribution it is about.
        what: What is there, or what is missing.
        architecture: The network.
        evaluator: The recipe.
        settings: What is set of it, beyond the budget.
        twin: Whether the design's float twin is trained in place of it.
    """

    paper: str
    what: str
    architecture: Architecture
    evaluator: str
    settings: tuple[str, ...] = ()
    twin: bool = False

    @property
    def name(self) -> str:
        """Of its run."""
        kept = "".join(c if c.isalnum() else "-" for c in f"{self.paper}-{self.what}".lower())
        return f"ablation-{kept}"

    @property
    def design(self) -> Design:
        """The network, for the images."""
        return Design(name=self.name, architecture=self.architecture, image_size=32, num_classes=10)


def units(architecture: Architecture, **changes: Any) -> Architecture:
    """The architecture with other units in all stages."""
    stages = tuple(replace(s, unit=replace(s.unit, **changes)) for s in architecture.stages)
    return canonical(replace(architecture, stages=stages))


def widths(architecture: Architecture, *channels: int) -> Architecture:
    """The architecture with so many channels in each stage, and in the stem those of the first."""
    stages = tuple(
        replace(stage, width=width)
        for stage, width in zip(architecture.stages, channels, strict=True)
    )
    stem = replace(architecture.stem, width=channels[0])
    return canonical(replace(architecture, stem=stem, stages=stages))


def shallow(architecture: Architecture) -> Architecture:
    """The architecture with one block in each stage: ResNet-20 becomes ResNet-8."""
    stages = tuple(replace(stage, depth=1) for stage in architecture.stages)
    return canonical(replace(architecture, stages=stages))


def of_bnn_plus() -> Iterator[Row]:
    """BNN+'s VGG with an eighth of its channels."""
    whole = load_design("bnn-plus-vgg").architecture
    head = replace(whole.head, hidden=tuple(width // 8 for width in whole.head.hidden))
    full = widths(replace(whole, head=head), *(stage.width // 8 for stage in whole.stages))
    without = {"regulariser": None, "regulariser_weight": None}
    ste: dict[str, Any] = {
        f"{of}_{key}": value
        for of in ("activation", "weight")
        for key, value in (("estimator", "ste"), ("beta", None))
    }
    unscaled = {"weight_scale": "none", "weight_scale_init": None, **without}
    versions = {
        "all of it": full,
        "without R1": units(full, **without),
        "without SignSwish": units(full, **ste),
        "without scales and R1": units(full, **unscaled),
        "without any": units(full, **ste, **unscaled),
    }
    for what, architecture in versions.items():
        yield Row(paper="BNN+", what=what, architecture=architecture, evaluator="cifar10-bnn-plus")
    yield Row(
        paper="BNN+",
        what="float twin",
        architecture=full,
        evaluator="cifar10-bnn-plus",
        # The rate of the paper is for binary weights.
        settings=("evaluator.recipe.learning_rate=1e-3",),
        twin=True,
    )


def of_reactnet() -> Iterator[Row]:
    """ReActNet's units on ResNet-8: its units one by one, then its two steps and its teacher."""
    full = shallow(load_design("resnet20-reactnet").architecture)
    one_step, labels = "evaluator.recipe.phases=[]", "evaluator.recipe.teacher=null"
    teacher = "evaluator.recipe.teacher={network: twin, weight_decay: 1e-5}"
    bare = {"nonlinearity": "none", "placement": None}
    designs = {
        "one step, labels": full,
        "one step, labels, without RSign": units(full, threshold="fixed"),
        "one step, labels, without RPReLU": units(full, **bare),
        "one step, labels, without both": units(full, threshold="fixed", **bare),
    }
    recipes = {
        "one step, teacher": (one_step, teacher),
        "two steps, labels": (labels,),
        "two steps, teacher": (teacher,),
    }
    row = partial(Row, paper="ReActNet", evaluator="cifar10-two-step")
    for what, architecture in designs.items():
        yield row(what=what, architecture=architecture, settings=(one_step, labels))
    for what, settings in recipes.items():
        yield row(what=what, architecture=full, settings=settings)
    settings = (one_step, labels, "evaluator.recipe.weight_decay=1e-5")
    yield row(what="float twin", architecture=full, settings=settings, twin=True)


def of_binaryduo() -> Iterator[Row]:
    """BinaryDuo on ResNet-8: pairs with about the binary operations of the plain network."""
    plain = units(
        shallow(load_design("resnet20-bireal").architecture),
        activation_levels="unsigned",
        activation_estimator=None,
        threshold=None,
        order="norm-sign-conv",
        shortcut="block",
    )
    pairs = widths(units(plain, activation_levels="paired"), 11, 23, 45)
    one_step = "evaluator.recipe.phases=[]"
    row = partial(Row, paper="BinaryDuo", evaluator="cifar10-binaryduo")
    yield row(what="coupled, then decoupled", architecture=pairs)
    yield row(what="decoupled from the start", architecture=pairs, settings=(one_step,))
    yield row(what="no pairs", architecture=plain, settings=(one_step,))
    yield row(what="float twin", architecture=plain, settings=(one_step,), twin=True)


def of_ftbnn() -> Iterator[Row]:
    """FTBNN's contributions, in the reading of its design, on a ResNet-8 of half the channels."""
    narrow = widths(shallow(load_design("resnet20-bireal").architecture), 8, 16, 32)
    linear = units(narrow, activation_estimator="ste")
    bare = {"nonlinearity": "none", "placement": None}
    prelu = {"nonlinearity": "prelu", "placement": "before-addition"}

    def network(*, groups: int, downsampling: Downsampling, **unit: Any) -> Architecture:
        # Four groups at twice the width have the binary operations of one group.
        factor = {1: 1, 4: 2}[groups]
        stages = tuple(
            replace(
                stage,
                width=factor * stage.width,
                downsampling=downsampling,
                unit=replace(stage.unit, groups=groups, **unit),
            )
            for stage in linear.stages
        )
        return canonical(replace(linear, stages=stages))

    full = network(groups=4, downsampling="duplicate", **prelu)
    versions = {
        "all of it": full,
        "without non-linearity": network(groups=4, downsampling="duplicate", **bare),
        "without groups": network(groups=1, downsampling="duplicate", **prelu),
        "with real-valued shortcuts": network(groups=4, downsampling="real-1x1", **prelu),
        "without any": network(groups=1, downsampling="real-1x1", **bare),
    }
    row = partial(Row, paper="FTBNN", evaluator="cifar10-ftbnn")
    for what, architecture in versions.items():
        yield row(what=what, architecture=architecture)
    yield row(what="float twin", architecture=full, twin=True)


ROWS: Final = (*of_bnn_plus(), *of_reactnet(), *of_binaryduo(), *of_ftbnn())


def main() -> None:
    """Trains what is missing, then draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="folder with the batches of CIFAR-10")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    titles = sorted({title for row in ROWS for title in (row.paper, row.what)})
    only = "only rows of these papers or titles"
    parser.add_argument("--row", nargs="+", choices=titles, metavar="TITLE", help=only)
    schedule = "schedules are told apart by epochs times images"
    parser.add_argument("--epochs", type=int, default=Budget().epochs, help=schedule)
    parser.add_argument("--subset", type=int, default=Budget().subset, help="images an epoch")
    parser.add_argument("--results-dir", type=Path, default=ROOT / "results" / "runs")
    parser.add_argument("--draw", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    if not arguments.draw:
        if arguments.data is None:
            print("nothing is trained without CIFAR-10: say where it is with --data")
            return
        train_missing(arguments, Budget(arguments.epochs, arguments.subset))
    found = read()
    draw(found[Budget().images])
    for images in sorted(found):
        show(found[images], images)


def train_missing(arguments: argparse.Namespace, budget: Budget) -> None:
    """Trains the rows that the file lacks, and appends each when it ends."""
    if not RESULTS.exists():
        RESULTS.write_text(",".join(COLUMNS) + "\n")
    before = read()[budget.images]
    wanted = [
        row
        for row in ROWS
        if arguments.row is None or {row.paper, row.what} & set(arguments.row)
        if len(before[row.paper, row.what]) < len(SEEDS)
    ]
    train_row = partial(trained, data=arguments.data, folder=arguments.results_dir, budget=budget)
    with ProcessPoolExecutor(arguments.jobs, max_tasks_per_child=1) as executor:
        tasks = [executor.submit(train_row, row) for row in wanted]
        for row, task in zip(wanted, tasks, strict=True):
            found = task.result()
            with RESULTS.open("a", newline="") as file:
                for seed, accuracy in found.items():
                    shown = "" if accuracy is None else f"{accuracy:.4f}"
                    values = (row.paper, row.what, operations(row), seed, shown, budget.images)
                    csv.writer(file, lineterminator="\n").writerow(values)
            print(row.name, found, flush=True)


def trained(row: Row, *, data: str, folder: Path, budget: Budget) -> dict[int, float | None]:
    """Test accuracy of each seed; None where it diverged."""
    if row.twin:
        return trained_twin(row, data, budget)
    run = RunFolder(folder / f"{row.name}-{budget.images}")
    if run.config.exists():
        ended = resume(run)
    else:
        ended = start(resolved(row, data, budget), name=run.name, results_dir=folder)
    evaluations = {one.seed: one.evaluation for one in ended.retraining.repetitions}
    return {s: None if e is None else e.accuracy for s, e in evaluations.items()}


def resolved(row: Row, data: str, budget: Budget) -> Any:
    """The retraining of a row."""
    return resolve(
        run=None,
        designs=[row.design],
        evaluator=row.evaluator,
        data=data,
        num_seeds=len(SEEDS),
        engine={"engine": "inline"},
        assignments=(*budget.settings, *row.settings),
    )


def trained_twin(row: Row, data: str, budget: Budget) -> dict[int, float | None]:
    """The same of the float twin."""
    definition: EvaluatorDefinition = resolved(row, data, budget).configuration.evaluator
    images, recipe = load_final_data(definition.images), definition.recipe
    found: dict[int, float | None] = {}
    for seed in SEEDS:
        training = course.begin_twin(row.architecture, recipe, facts=images.facts, seed=seed)
        for _ in train(training, images.train, recipe.of_twin, epochs=definition.epochs):
            pass
        found[seed] = score(training.network, images.test).accuracy
    return found


def operations(row: Row) -> float | None:
    """OPs; none of a float twin, whose every operation is a float one."""
    if row.twin:
        return None
    return ledger(row.architecture, image_size=32, num_classes=10).totals.ops


Found = dict[tuple[str, str], dict[int, float | None]]


def read() -> dict[int, Found]:
    """By images a training: test accuracies by row and seed; None where it diverged."""
    found: dict[int, Found] = defaultdict(lambda: defaultdict(dict))
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            for line in csv.DictReader(file):
                accuracy = float(line["accuracy"]) if line["accuracy"] else None
                row = found[int(line["images"])][line["paper"], line["what"]]
                row[int(line["seed"])] = accuracy
    return found


def known(found: Found, paper: str, what: str) -> list[float]:
    """Test accuracies of a row, without those that diverged."""
    return [accuracy for accuracy in found[paper, what].values() if accuracy is not None]


def estimated(accuracies: Sequence[float]) -> Estimate:
    """Mean and interval over seeds."""
    scores = tuple(Evaluation(accuracy=a, loss=0.0, epochs=0, seconds=0.0) for a in accuracies)
    return Estimate(seeds=tuple(range(len(scores))), evaluations=scores, num_failed=0)


def draw(found: Found) -> None:
    """Every seed of what has ended as a point, the mean as a line."""
    rows = [row for row in ROWS if known(found, row.paper, row.what)]
    figure = Figure(figsize=(8, 0.5 + 0.32 * len(rows)), layout="constrained")
    papers = list(dict.fromkeys(row.paper for row in rows))
    counts = [sum(row.paper == paper for row in rows) for paper in papers]
    panels = figure.subplots(len(papers), squeeze=False, sharex=True, height_ratios=counts)[:, 0]
    for axes, paper in zip(panels, papers, strict=True):
        names = [row.what for row in rows if row.paper == paper]
        for place, what in enumerate(names):
            accuracies = [100 * a for a in known(found, paper, what)]
            mean = sum(accuracies) / len(accuracies)
            axes.plot([mean, mean], [place - 0.3, place + 0.3], color="tab:blue", lw=2)
            axes.plot(accuracies, [place] * len(accuracies), "o", color="tab:blue", alpha=0.5)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_title(paper, loc="left", fontsize=10)
        axes.grid(axis="x", alpha=0.3)
    panels[-1].set_xlabel("test accuracy, %")
    figure.savefig(FIGURE, dpi=110)


def show(found: Found, images: int) -> None:
    """Prints the table of one schedule."""
    print(f"\n{images:,} images a training\n")
    print("| paper | what | thousand OPs | n | test accuracy %, 95 % interval |")
    print("|---|---|---|---|---|")
    for row in ROWS:
        accuracies = known(found, row.paper, row.what)
        if not accuracies:
            continue
        estimate, ops = estimated(accuracies), operations(row)
        low, high = estimate.interval or (estimate.mean, estimate.mean)
        shown = f"{100 * estimate.mean:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        cost = "" if ops is None else f"{ops / 1e3:,.0f}"
        print("|", " | ".join([row.paper, row.what, cost, str(len(accuracies)), shown]), "|")


if __name__ == "__main__":
    main()
