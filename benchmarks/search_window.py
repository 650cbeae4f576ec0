"""Measures what the window of the default sampler costs in hypervolume in a long search.

    OMP_NUM_THREADS=1 python benchmarks/search_window.py [--trials 1000] [--seeds 5]

Searches the synthetic problem with the window and without it, every trial trained to the end, and
prints the shares of the best hypervolume and the CPU time. With 1,000 trials it takes about ten
minutes.
"""

import argparse
import logging
import time
from typing import Any
from unittest.mock import patch

import numpy as np
import optuna

from bnas.search import suggestion
from bnas.search.events import Ended, Event
from bnas.search.front import front_hypervolume
from bnas.search.problems import OBJECTIVES, Synthetic
from bnas.search.proposer import Proposer
from bnas.search.settings import SearchSettings
from bnas.search.simulator import simulate
from bnas.search.study import Study

WORKERS = 8


def main() -> None:
    """Prints a line for each search, and the difference with its interval."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(logging.ERROR)
    differences = []
    for seed in range(arguments.seeds):
        with_window = share(arguments.trials, seed)
        with patch.object(suggestion, "WINDOWS", {}):
            without = share(arguments.trials, seed)
        differences.append(with_window - without)
    picks = np.random.default_rng(0).integers(len(differences), size=(2000, len(differences)))
    low, high = np.quantile(np.array(differences)[picks].mean(axis=1), [0.025, 0.975])
    print(f"with - without: {np.mean(differences):+.4f} ({low:+.4f} to {high:+.4f})")


def share(trials: int, seed: int) -> float:
    """The share of the best hypervolume that a search of so many trials reaches."""
    problem, study, began = Synthetic(), Study.in_memory(OBJECTIVES), time.process_time()
    settings: dict[str, Any] = {"engine": "inline", "trials": trials, "seed": seed}
    ends: list[Ended] = []

    def note(event: Event) -> None:
        if isinstance(event, Ended):
            ends.append(event)

    proposer = Proposer(
        study,
        settings=SearchSettings.model_validate(settings),
        space=problem.space,
        cost=problem.cost,
        listener=note,
    )
    simulate(proposer, problem, listener=note, workers=WORKERS)
    found = front_hypervolume((end.record for end in ends), OBJECTIVES, problem.reference)
    reached = found / problem.best_hypervolume
    window = "with the window" if suggestion.WINDOWS else "without it"
    seconds = time.process_time() - began
    print(f"seed {seed}, {window}: {reached:.4f}, {seconds:.0f} s of CPU time", flush=True)
    return reached


if __name__ == "__main__":
    main()
