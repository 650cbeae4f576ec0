"""Measures what a search costs beside training: proposing, recording and deciding, per trial.

    OMP_NUM_THREADS=1 python benchmarks/search_overhead.py [--most 1000] [--sampler NAME]

Prints trials a second that eight processes write to one journal; the time of a trivial trial on
Ray; and the median CPU time of a trial around the 100th, 300th, 1,000th and 5,000th, for every
sampler, with halving, on an in-memory study, and for the default sampler on a journal file.
"""

import argparse
import logging
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import optuna

from bnas.architecture import Architecture, digest
from bnas.cost import Totals
from bnas.search.engine import run_search
from bnas.search.events import Ended, Event
from bnas.search.halving import Halving, Rungs
from bnas.search.journal import open_journal
from bnas.search.port import Evaluation, Progress
from bnas.search.problems import OBJECTIVES, Synthetic
from bnas.search.proposer import Proposer
from bnas.search.settings import SamplerName, SearchSettings
from bnas.search.simulator import Curve, simulate
from bnas.search.study import Study

MARKS = (100, 300, 1_000, 5_000)
# Trials before each mark that the median is of; of a slow sampler, those that it proposes.
SAMPLE = 50
LATE = 16
LONGEST: dict[SamplerName, int] = {"random": 10_000, "nsga2": 10_000, "tpe": 5_000, "gp": 300}
WRITERS = 8
RAY_TRIALS = 100


def main() -> None:
    """Prints one line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--most", type=int, default=10_000, help="trials of a search at most")
    parser.add_argument("--sampler", action="append", choices=LONGEST, help="only these searches")
    arguments = parser.parse_args()
    if not arguments.sampler:
        print(f"{WRITERS} processes on one journal: {writers():.1f} trials/s", flush=True)
        clock, cpu = ray()
        print(f"Ray: {1e3 * clock:.0f} ms a trivial trial by the clock, {1e3 * cpu:.0f} ms of the")
        print(f"driver's CPU time, medians of {RAY_TRIALS}", flush=True)
    print("| sampler | study | " + " | ".join(f"ms at {m:,}" for m in MARKS) + " | in all |")
    print("|---|---|" + "---|" * len(MARKS) + "---|")
    for sampler in arguments.sampler or LONGEST:
        trials = min(LONGEST[sampler], arguments.most)
        show(timed_late if sampler == "gp" else timed, sampler, trials)
    if not arguments.sampler:
        show(timed, "tpe", 1_000, "journal")


def show(row: Callable[..., str], *arguments: object) -> None:
    """Prints a line of the table, from a process of its own because of the memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        print(executor.submit(row, *arguments).result(), flush=True)


def timed(sampler: SamplerName, trials: int, storage: str = "memory") -> str:
    """A line of the table: a whole search."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study.in_memory(OBJECTIVES)
        if storage == "journal":
            study = Study.create(Path(folder) / "study.journal", OBJECTIVES)
        began = time.process_time()
        stamps = searched(study, sampler, trials)
        total = time.process_time() - began
        num_repeats = study.num_trials - trials
    cells = [f"{1e3 * per_trial(stamps[:mark]):.1f}" if mark <= trials else "" for mark in MARKS]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    summary = f"{trials:,} trials, {num_repeats:,} repeats: {total:.0f} s, {memory:.0f} MB"
    return f"| {sampler} | {storage} | {' | '.join(cells)} | {summary} |"


def timed_late(sampler: SamplerName, trials: int) -> str:
    """A line for a sampler that takes too long for a whole search: it only proposes the last."""
    cells = []
    for mark in MARKS:
        if mark <= trials:
            study = Study.in_memory(OBJECTIVES)
            searched(study, "random", mark - LATE)
            cells.append(f"{1e3 * per_trial(searched(study, sampler, mark)):.0f}")
        else:
            cells.append("")
    return f"| {sampler} | memory | {' | '.join(cells)} | |"


def searched(study: Study, sampler: SamplerName, trials: int) -> list[float]:
    """CPU seconds at the end of each trial of a simulated search, with halving and 8 workers."""
    optuna.logging.set_verbosity(logging.ERROR)
    problem = Synthetic()
    stamps: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Ended):
            stamps.append(time.process_time())

    proposer = Proposer(
        study,
        settings=SearchSettings(engine="inline", trials=trials, sampler=sampler),
        space=problem.space,
        cost=problem.cost,
        listener=note,
        halving=Halving(Rungs(), epochs=problem.epochs, objectives=OBJECTIVES),
    )
    simulate(proposer, Instant(), listener=note, workers=8)
    return stamps


class Instant:
    """Trainings that take no time to look up."""

    def cost(self, architecture: Architecture) -> Totals:
        """That of the synthetic problem."""
        return Synthetic().cost(architecture)

    def curve(self, architecture: Architecture) -> Curve:
        """Better for more blocks, and by chance, so that a sampler keeps finding something new."""
        depth: float = sum(stage.depth for stage in architecture.stages)
        depth += 10 * int(digest(architecture), 16) / 16**12
        return Curve(accuracies=[1 - 1 / (depth + epoch) for epoch in range(Synthetic.epochs)])


def per_trial(stamps: list[float]) -> float:
    """Median CPU seconds between the ends of the last trials, repeats included."""
    last = stamps[-SAMPLE - 1 :]
    return median(after - before for before, after in pairwise(last))


def writers() -> float:
    """Trials a second, over all processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.journal"
        Study.create(path, OBJECTIVES)
        began = time.perf_counter()
        with ProcessPoolExecutor(WRITERS) as executor:
            list(executor.map(partial(write, path, 25), range(WRITERS)))
        seconds = time.perf_counter() - began
        written = Study.load(path).num_trials
    if written != 25 * WRITERS:
        raise SystemExit(f"{25 * WRITERS} trials were written, but {written} are there")
    return written / seconds


def write(path: Path, trials: int, seed: int) -> None:
    """Asks and tells as one of several processes."""
    optuna.logging.set_verbosity(logging.ERROR)
    sampler = optuna.samplers.RandomSampler(seed=seed)
    study = optuna.load_study(study_name="bnas", storage=open_journal(path), sampler=sampler)
    for _ in range(trials):
        trial = study.ask()
        for choice in range(10):
            trial.suggest_categorical(f"choice{choice}", [1, 2, 3, 4])
        trial.set_user_attr("digest", "0" * 12)
        study.tell(trial, [0.5, 1e6])


class Trivial:
    """An evaluator that takes no time."""

    @property
    def epochs(self) -> int:
        """One."""
        return 1

    def cost(self, architecture: Architecture) -> Totals:
        """That of the synthetic problem."""
        return Synthetic().cost(architecture)

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: object = None,
    ) -> Evaluation:
        """Reports once."""
        del architecture, seed, checkpoint
        report(Progress(epoch=1, accuracy=0.5, loss=1.0, seconds=0.0))
        return Evaluation(accuracy=0.5, loss=1.0, epochs=1, seconds=0.0)


def ray() -> tuple[float, float]:
    """Median seconds of a trivial trial on two workers: by the clock, and the driver's CPU time."""
    optuna.logging.set_verbosity(logging.ERROR)
    stamps: list[tuple[float, float]] = []
    problem = Synthetic()

    def note(event: Event) -> None:
        if isinstance(event, Ended):
            stamps.append((time.perf_counter(), time.process_time()))

    with tempfile.TemporaryDirectory() as folder:
        run_search(
            Study.create(Path(folder) / "study.journal", OBJECTIVES),
            settings=SearchSettings(trials=RAY_TRIALS, sampler="random", workers=2),
            space=problem.space,
            cost=problem.cost,
            evaluator=Trivial,
            listener=note,
        )
    clock, cpu = np.median(np.diff(stamps, axis=0), axis=0)
    return float(clock), float(cpu)


if __name__ == "__main__":
    main()
