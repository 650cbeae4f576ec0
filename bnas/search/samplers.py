"""Optuna samplers by name, each built for one proposal from a seed of its own."""

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from bnas.search.settings import SamplerName

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def build_sampler(name: SamplerName, *, seed: int, number: int) -> "BaseSampler":
    """Builds the sampler that proposes trial `number`.

    Every proposal gets a fresh sampler seeded by (seed, number): what Optuna's samplers know lies
    in the study, so a resumed search proposes what the uninterrupted one would have proposed.
    """
    derived = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    return SAMPLERS[name](derived)


# How many ended trials a sampler looks at; its time per proposal grows with them.
WINDOWS: Mapping[SamplerName, int] = {"tpe": 500, "gp": 150, "nsga2": 500}
# Repeats in a row after which proposals are drawn at random. A Gaussian process sees no stopped
# trial, so after proposing one again it would do so for as long as nothing else ends.
MAX_REPEATS: Mapping[SamplerName, int] = {"tpe": 5, "gp": 1, "nsga2": 5, "random": 5}


def _tpe(seed: int) -> "BaseSampler":
    """Tree-structured Parzen estimator, joint over the choices that are active together.

    Source: Bergstra et al. 2011; Ozaki et al. 2022 (several objectives).
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import TPESampler

    with warnings.catch_warnings():
        # `group` may change its interface in Optuna, which constraints.txt pins.
        warnings.filterwarnings("ignore", "Argument ``group``", category=ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, group=True)


def _nsga2(seed: int) -> "BaseSampler":
    """Genetic algorithm, Deb et al. 2002; a larger population is random search for longer."""
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=20)


def _gp(seed: int) -> "BaseSampler":
    """Gaussian processes with expected hypervolume improvement; about a second a proposal."""
    from optuna.samplers import GPSampler

    # Small matrices: more threads only take cores from the trials. The one place where searching
    # touches torch, which this sampler is built on and loads by itself.
    import_module("torch").set_num_threads(1)
    return GPSampler(seed=seed, warn_independent_sampling=False)


def _random(seed: int) -> "BaseSampler":
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


SAMPLERS: Mapping[SamplerName, Callable[[int], "BaseSampler"]] = {
    "tpe": _tpe,
    "gp": _gp,
    "nsga2": _nsga2,
    "random": _random,
}
