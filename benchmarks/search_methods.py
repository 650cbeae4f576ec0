"""Compares search methods by the hypervolume that they reach with a number of trained epochs.

    OMP_NUM_THREADS=1 python benchmarks/search_methods.py [--jobs 2] [--method NAME] [--draw]

Every method searches two problems with the same seeds: the synthetic one, whose front is known,
and the table of really trained architectures, whose best is known because it is complete. Writes
`results/reference/search-methods.csv` as searches end, and goes on where it was interrupted; then
draws `docs/images/search-methods.png` and prints the table of `docs/search.md`. With --draw it
only does the latter. Without the Gaussian process it takes about 15 minutes on one core.
"""

import argparse
import csv
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import optuna
from matplotlib.figure import Figure
from numpy.typing import NDArray
from optuna.samplers import BaseSampler, TPESampler

from benchmarks.promotion import Promotion
from bnas.search import samplers
from bnas.search.events import Ended, EpochEnded, Event
from bnas.search.halving import Halving, Rungs
from bnas.search.pareto import hypervolume
from bnas.search.problems import OBJECTIVES, Synthetic, Table
from bnas.search.proposer import Proposer
from bnas.search.settings import SamplerName, SearchSettings
from bnas.search.simulator import simulate
from bnas.search.study import Study
from bnas.search.telling import StoppedAs

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "reference" / "search-methods.csv"
FIGURE = ROOT / "docs" / "images" / "search-methods.png"
COLUMNS = ("problem", "method", "seed", "trials", "epochs", "hypervolume")
SEEDS = 10
FEWEST_SEEDS = 3
WORKERS = 8
# A budget is this many complete trainings; a curve has so many points.
TRAININGS = 60
POINTS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to search.

    Attributes:
        sampler: What proposes.
        rungs: Where trials are compared; None trains all to the end.
        stopped_as: What the sampler is told of stopped trials.
        promotes: Whether trials are paused at rungs and promoted later, in place of stopped.
        max_trials: So many at most, for a sampler that takes seconds for each.
        build: Builds the sampler from a seed in place of the one of that name.
    """

    sampler: SamplerName
    rungs: Rungs | None = None
    stopped_as: StoppedAs = "pruned"
    promotes: bool = False
    max_trials: int = 100_000
    build: Callable[[int], BaseSampler] | None = None


def ungrouped(seed: int) -> BaseSampler:
    """One joint density of the choices that are always open; the others one by one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True)


FIRST, THIRD = Rungs(first=1, factor=3), Rungs(first=3, factor=3)
METHODS: dict[str, Method] = {
    "random": Method(sampler="random"),
    "random, halving": Method(sampler="random", rungs=FIRST),
    "nsga2": Method(sampler="nsga2"),
    "nsga2, halving": Method(sampler="nsga2", rungs=FIRST),
    "tpe": Method(sampler="tpe"),
    "tpe, halving": Method(sampler="tpe", rungs=FIRST),
    "tpe, halving from epoch 3": Method(sampler="tpe", rungs=THIRD),
    "tpe, halving, forecast": Method(sampler="tpe", rungs=FIRST, stopped_as="forecast"),
    "tpe, halving, value": Method(sampler="tpe", rungs=FIRST, stopped_as="value"),
    "random, halving, promoted": Method(sampler="random", rungs=FIRST, promotes=True),
    "tpe, halving, promoted": Method(sampler="tpe", rungs=FIRST, promotes=True),
    "tpe, ungrouped": Method(sampler="tpe", build=ungrouped),
    "tpe, halving, ungrouped": Method(sampler="tpe", rungs=FIRST, build=ungrouped),
    "gp": Method(sampler="gp"),
    "gp, halving": Method(sampler="gp", rungs=FIRST, max_trials=300),
}
PROBLEMS = ("digits", "synthetic")


def main() -> None:
    """Runs what is missing, then draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--method", action="append", choices=METHODS, help="only these")
    parser.add_argument("--draw", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    if not arguments.draw:
        run_missing(arguments.method or list(METHODS), arguments.jobs)
    curves = read_curves()
    draw(curves)
    show(curves)


def run_missing(methods: Sequence[str], jobs: int) -> None:
    """Runs the searches that the file lacks, and appends each when it ends."""
    if not RESULTS.exists():
        RESULTS.write_text(",".join(COLUMNS) + "\n")
    with RESULTS.open(newline="") as file:
        done = {(r["problem"], r["method"], int(r["seed"])) for r in csv.DictReader(file)}
    wanted = [(p, m, s) for s in range(SEEDS) for m in methods for p in PROBLEMS]
    with ProcessPoolExecutor(jobs) as executor:
        for rows in executor.map(searched, [job for job in wanted if job not in done]):
            with RESULTS.open("a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
            print(*rows[-1], flush=True)


def problem_called(name: str) -> Synthetic | Table:
    """The problem of a name."""
    if name == "synthetic":
        return Synthetic()
    return Table(RESULTS.parent, name="digits-table", image_size=8, num_classes=10)


def searched(job: tuple[str, str, int]) -> list[tuple[Any, ...]]:
    """One search; rows with the share of the best hypervolume after so many epochs."""
    optuna.logging.set_verbosity(logging.ERROR)
    problem_name, method_name, seed = job
    problem, method = problem_called(problem_name), METHODS[method_name]
    budget = TRAININGS * problem.epochs
    curve = Curve(problem, budget)
    study = Study.in_memory(OBJECTIVES)
    halving = None
    if method.rungs is not None and not method.promotes:
        halving = Halving(method.rungs, epochs=problem.epochs, objectives=OBJECTIVES)
    proposer = Proposer(
        study,
        settings=SearchSettings(
            engine="inline", trials=method.max_trials, sampler=method.sampler, seed=seed
        ),
        space=problem.space,
        cost=problem.cost,
        listener=curve,
        halving=halving,
        stopped_as=method.stopped_as,
    )
    built = {} if method.build is None else {method.sampler: method.build}
    with patch.dict(samplers.SAMPLERS, built):
        if method.promotes and method.rungs is not None:
            waiting = Promotion(
                proposer, problem, rungs=method.rungs, epochs=problem.epochs, listener=curve
            )
            waiting.run(workers=WORKERS, max_epochs=budget)
        else:
            simulate(proposer, problem, listener=curve, workers=WORKERS, epochs=budget)
    return [(*job, study.num_trials, e, f"{share:.6f}") for e, share in curve.points()]


class Curve:
    """Listens to a search and notes its hypervolume at equal steps of the budget."""

    def __init__(self, problem: Synthetic | Table, budget: int) -> None:
        self._problem = problem
        self._marks = [budget * step // POINTS for step in range(1, POINTS + 1)]
        self._num_epochs = 0
        self._found: list[tuple[float, float]] = []
        self._shares: list[float] = []

    def __call__(self, event: Event) -> None:
        """Takes note of an epoch or of the end of a trial."""
        if isinstance(event, EpochEnded):
            self._num_epochs += 1
            if self._num_epochs in self._marks:
                self._shares.append(self._share())
        elif isinstance(event, Ended) and event.record.outcome == "finished":
            values = event.record.objectives(OBJECTIVES)
            self._found.append((values["accuracy"], values["ops"]))

    def points(self) -> Iterator[tuple[int, float]]:
        """Epochs and share; a search that ended for good keeps its last value."""
        shares = [*self._shares, *[self._share()] * (POINTS - len(self._shares))]
        return zip(self._marks, shares, strict=True)

    def _share(self) -> float:
        found = hypervolume(self._found, self._problem.reference, OBJECTIVES)
        return found / self._problem.best_hypervolume


Curves = dict[tuple[str, str], NDArray[np.float64]]


def read_curves() -> Curves:
    """By problem and method, shape (seeds, points); methods with too few seeds are left out."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    with RESULTS.open(newline="") as file:
        for row in csv.DictReader(file):
            seeds = values.setdefault((row["problem"], row["method"]), {})
            seeds.setdefault(row["seed"], []).append(float(row["hypervolume"]))
    complete = {key: seeds for key, seeds in values.items() if len(seeds) >= FEWEST_SEEDS}
    return {key: np.array(list(seeds.values())) for key, seeds in complete.items()}


def interval(samples_SP: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bounds of the 95 % bootstrap interval of the mean over seeds, shape (2, points)."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(samples_SP), size=(2000, len(samples_SP)))
    bounds: NDArray[np.float64] = np.quantile(
        samples_SP[picks].mean(axis=1), [0.025, 0.975], axis=0
    )
    return bounds


def draw(curves: Curves) -> None:
    """Mean and 95 % interval of each method against trained epochs."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    colours = {"random": "tab:gray", "nsga2": "tab:green", "tpe": "tab:blue", "gp": "tab:red"}
    for axes, problem in zip(figure.subplots(1, 2), PROBLEMS, strict=True):
        epochs = TRAININGS * problem_called(problem).epochs * np.arange(1, POINTS + 1) / POINTS
        for name in METHODS:
            if (problem, name) not in curves or name.removesuffix(", halving") not in colours:
                continue
            samples_SP = curves[problem, name]
            style = "--" if "halving" in name else "-"
            colour = colours[name.partition(",")[0]]
            label = f"{name} (n = {len(samples_SP)})"
            axes.plot(epochs, samples_SP.mean(axis=0), style, color=colour, label=label)
            axes.fill_between(epochs, *interval(samples_SP), color=colour, alpha=0.12, lw=0)
        axes.set(title=problem, xlabel="trained epochs", ylabel="share of the best hypervolume")
        axes.set_ylim(0.8, 1.0)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", fontsize=8)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def show(curves: Curves) -> None:
    """Prints shares at a quarter, half and all of the budget, and epochs saved against random."""
    print("| problem | method | n | 1/4 | 1/2 | all | random needs so many times the epochs |")
    print("|---|---|---|---|---|---|---|")
    for (problem, name), samples_SP in sorted(curves.items()):
        mean = samples_SP.mean(axis=0)
        low, high = interval(samples_SP)
        cells = [
            f"{mean[at]:.3f} ({low[at]:.3f}-{high[at]:.3f})"
            for at in (POINTS // 4 - 1, POINTS // 2 - 1, POINTS - 1)
        ]
        saved = saving(samples_SP, curves[problem, "random"])
        print("|", " | ".join([problem, name, str(len(samples_SP)), *cells, saved]), "|")


def saving(samples_SP: NDArray[np.float64], random_SP: NDArray[np.float64]) -> str:
    """How many times fewer epochs reach random's final mean, with a 95 % bootstrap interval."""
    rng = np.random.default_rng(0)

    def factor(mean_P: NDArray[np.float64], goal: float) -> float:
        reached = np.flatnonzero(mean_P >= goal)
        return POINTS / (int(reached[0]) + 1) if len(reached) else 0.0

    factors = [
        factor(
            samples_SP[rng.integers(len(samples_SP), size=len(samples_SP))].mean(axis=0),
            random_SP[rng.integers(len(random_SP), size=len(random_SP))].mean(axis=0)[-1],
        )
        for _ in range(2000)
    ]
    low, high = np.quantile(factors, [0.025, 0.975])
    found = factor(samples_SP.mean(axis=0), random_SP.mean(axis=0)[-1])
    return f"{found:.1f} ({low:.1f}-{high:.1f})" if found else "never reaches it"


if __name__ == "__main__":
    main()
