"""Trains every architecture of a small space on digits and writes the table that searches replay.

    OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 python benchmarks/build_digits_table.py

Writes `digits-table.csv`, one row an architecture with its choices, its costs and its validation
accuracy after every epoch, and `digits-table.json`, which says what it was made with. Rows that
the file has already are kept, so an interrupted run can be repeated. 384 trainings of 9 epochs
take about 15 minutes on one core.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from bnas.architecture import Architecture
from bnas.evaluation import EvaluatorDefinition, ProxyTraining
from bnas.runs.environment import environment
from bnas.search import Progress
from bnas.search.settings import SearchSettings
from bnas.space import Option, SearchSpace, load_space
from bnas.training import Recipe

FOLDER = Path(__file__).resolve().parent.parent / "results" / "reference"
EPOCHS = 9
COSTS = ("ops", "bops", "flops", "packed_bytes")
EVALUATOR = EvaluatorDefinition(
    name="digits-table",
    description="What the table was trained with",
    data="digits",
    epochs=EPOCHS,
    recipe=Recipe(
        optimizer="adam", learning_rate=0.005, schedule="cosine", warmup=0.1, batch_size=64
    ),
)


def main() -> None:
    """Trains what the table lacks."""
    space = load_space(FOLDER / "digits-table-space.yaml")
    open_choices = sorted({name for point in points(space) for name in point_choices(space, point)})
    columns = [*open_choices, *COSTS]
    columns += [f"accuracy_{epoch}" for epoch in range(1, EPOCHS + 1)] + ["seconds"]
    path = FOLDER / "digits-table.csv"
    done = known(path, columns, open_choices)
    made_with = {
        "evaluator": EVALUATOR.model_dump(mode="json"),
        "environment": environment(SearchSettings(engine="inline")),
    }
    (FOLDER / "digits-table.json").write_text(json.dumps(made_with, indent=2) + "\n")
    evaluator = EVALUATOR.build()
    for number, point in enumerate(points(space), start=1):
        architecture = space.decode(point)
        choices = point_choices(space, point)
        if tuple(str(choices.get(name, "")) for name in open_choices) in done:
            continue
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writerow(choices | measured(evaluator, architecture))
        print(f"{number} of {space.size()}", flush=True)


def points(space: SearchSpace) -> Iterator[dict[str, Option]]:
    """Every point of a space, in the order of its options."""
    indices: list[int] = []
    while True:
        sizes: list[int] = []

        def choose(_: str, options: tuple[Option, ...], sizes: list[int] = sizes) -> Option:
            sizes.append(len(options))
            if len(sizes) > len(indices):
                indices.append(0)
            return options[indices[len(sizes) - 1]]

        yield space.walk(choose)
        # The next one: count the last decision that has another option up, forget those after it.
        while indices and indices[-1] + 1 >= sizes[len(indices) - 1]:
            indices.pop()
        if not indices:
            return
        indices[-1] += 1


def point_choices(space: SearchSpace, point: dict[str, Option]) -> dict[str, Option]:
    """The decisions of a point where there was one to make."""
    made: dict[str, Option] = {}

    def choose(name: str, options: tuple[Option, ...]) -> Option:
        if len(options) > 1:
            made[name] = point[name]
        return point[name]

    space.walk(choose)
    return made


def known(path: Path, columns: list[str], choices: list[str]) -> set[tuple[str, ...]]:
    """Choices of the rows that the file has; a new file is begun."""
    if not path.exists():
        path.write_text(",".join(columns) + "\n")
    with path.open(newline="") as file:
        return {tuple(row[name] for name in choices) for row in csv.DictReader(file)}


def measured(evaluator: ProxyTraining, architecture: Architecture) -> dict[str, float | str]:
    """Costs, accuracy after every epoch, and seconds of a training with seed 0."""
    accuracies: list[float] = []

    def report(progress: Progress) -> bool:
        accuracies.append(progress.accuracy)
        return True

    evaluation = evaluator.evaluate(architecture, seed=0, report=report)
    totals = evaluator.cost(architecture)
    return {
        **{name: totals.value(name) for name in COSTS},
        **{f"accuracy_{epoch}": f"{a:.4f}" for epoch, a in enumerate(accuracies, start=1)},
        "seconds": f"{evaluation.seconds:.2f}",
    }


if __name__ == "__main__":
    main()
