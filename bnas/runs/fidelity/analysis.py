"""What measurements of proxies come to: correlations with the truth, and its noise."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean, variance
from typing import Final

from bnas.runs.fidelity.comparison import Comparison
from bnas.runs.fidelity.correlation import Array, Correlation, estimate, spearman
from bnas.runs.fidelity.plan import TRUTH, Plan
from bnas.runs.fidelity.report import Kind, Proxy, Report, Truth
from bnas.runs.fidelity.table import Measurement
from bnas.search.trials import TrialRecord

# Exact costs: a proxy that ranks no better says nothing that is not known before.
BASELINES: Final = frozenset({"params", "ops"})
_STANDARD_ERRORS: Final = 3
_LENGTH: Final = {"epochs", "rungs"}


def report(
    plan: Plan,
    sample: Sequence[TrialRecord],
    measurements: Sequence[Measurement],
    *,
    chance: float,
    num_images: int,
) -> Report:
    """Compares every proxy with the truth, as far as both are known.

    Args:
        plan: What was measured.
        sample: The architectures.
        measurements: Trainings and scores.
        chance: Accuracy of guessing.
        num_images: Images that validate.
    """
    seeds = "1 seed" if plan.sample.seeds == 1 else f"{plan.sample.seeds} seeds"
    start = f"space {plan.space.name}, evaluator {plan.truth.name}, {len(sample)} designs"
    title = ", ".join((start, f"truth {plan.truth.epochs} epochs", *_otherwise(plan), seeds))
    by_name: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        by_name.setdefault(measurement.proxy, []).append(measurement)
    runs = _final(by_name.get(TRUTH, ()))
    means = {digest: fmean(accuracies.values()) for digest, accuracies in runs.items()}
    if len(means) < 2:
        return Report(title=title, truth=None, proxies=(), wanted=plan.sample.recommend)
    comparison = Comparison(
        truth=means,
        ops={record.digest: record.costs.value("ops") for record in sample},
        learns_above=chance + _STANDARD_ERRORS * _standard_error(chance, num_images),
    )
    truth = _truth(plan, len(sample), by_name[TRUTH], comparison, num_images)
    proxies = tuple(_proxies(plan, by_name, comparison))
    return Report(title=title, truth=truth, proxies=proxies, wanted=plan.sample.recommend)


def _otherwise(plan: Plan) -> Iterator[str]:
    """What the truth is trained with that its evaluator has not, but for its length."""
    own = plan.proxies.get(plan.truth.name)
    if own is None:
        return
    before, settings = own.model_dump(exclude=_LENGTH), plan.truth.model_dump(exclude=_LENGTH)
    for key, value in settings.items():
        if value != before[key]:
            yield key if isinstance(value, dict) else f"{key} {'none' if value is None else value}"


def _final(measurements: Iterable[Measurement]) -> dict[str, dict[int, float]]:
    """Final accuracy by digest and seed."""
    found: dict[str, dict[int, float]] = {}
    for measurement in measurements:
        if measurement.progress:
            accuracies = found.setdefault(measurement.digest, {})
            accuracies[measurement.seed] = measurement.progress[-1].accuracy
    return found


def _truth(
    plan: Plan,
    num_designs: int,
    measurements: Sequence[Measurement],
    comparison: Comparison,
    num_images: int,
) -> Truth:
    runs = _final(measurements)
    variances = [variance(of.values()) for of in runs.values() if len(of) > 1]
    squares = [_standard_error(p, num_images) ** 2 for of in runs.values() for p in of.values()]
    return Truth(
        epochs=plan.truth.epochs,
        seeds=plan.sample.seeds,
        seconds=fmean(m.seconds for m in measurements if m.progress),
        num_designs=len(runs),
        num_failed=num_designs - len(runs),
        learns_above=comparison.learns_above,
        num_unlearned=sum(a <= comparison.learns_above for a in comparison.truth.values()),
        num_images=num_images,
        standard_error=math.sqrt(fmean(squares)),
        deviation=math.sqrt(fmean(variances)) if variances else None,
        ceiling=_ceiling(runs, plan.sample.seeds),
    )


def _ceiling(runs: Mapping[str, Mapping[int, float]], num_seeds: int) -> Correlation | None:
    complete = [of for of in runs.values() if len(of) == num_seeds]
    if num_seeds < 2 or len(complete) < 2:
        return None
    return estimate(_mean_of_pairs, *([of[seed] for of in complete] for seed in complete[0]))


def _mean_of_pairs(weights_Bn: Array, *variables: Array) -> Array:
    """Mean Spearman correlation of each resample over all pairs of variables, (B,)."""
    pairs = [spearman(weights_Bn, x, y) for x, y in itertools.combinations(variables, 2)]
    mean: Array = sum(pairs[1:], pairs[0]) / len(pairs)
    return mean


def _proxies(
    plan: Plan, by_name: Mapping[str, Sequence[Measurement]], comparison: Comparison
) -> Iterator[Proxy]:
    for name in plan.proxies:
        done = [m for m in by_name.get(name, ()) if m.progress]
        epochs = plan.proxies[name].epochs
        every = range(1, epochs + 1)
        yield from _epochs(name, "training", done, comparison, shown=every, epochs=epochs)
    yield from _prefixes(plan, by_name[TRUTH], comparison)
    for name in (name for scores in plan.scores.values() for name in scores.scores):
        done = [m for m in by_name.get(name, ()) if m.score is not None]
        if done:
            kind: Kind = "baseline" if name in BASELINES else "score"
            values = {m.digest: m.score for m in done if m.score is not None}
            yield comparison.proxy(name, kind, values, [m.seconds for m in done])


def _prefixes(
    plan: Plan, measurements: Sequence[Measurement], comparison: Comparison
) -> Iterator[Proxy]:
    """The first epochs of long trainings of one seed, compared with those of the others.

    With themselves they would share more than a design: its luck.
    """
    seed = plan.search.seed + 1
    done = [m for m in measurements if m.seed == seed and m.progress]
    if plan.sample.seeds < 2:
        return
    others = comparison.without(_final(measurements), seed)
    epochs = plan.truth.epochs
    yield from _epochs(TRUTH, "prefix", done, others, shown=_some(epochs), epochs=epochs)


def _epochs(
    name: str,
    kind: Kind,
    measurements: Sequence[Measurement],
    comparison: Comparison,
    *,
    shown: Iterable[int],
    epochs: int,
) -> Iterator[Proxy]:
    if not measurements or len(comparison.truth) < 2:
        return
    for epoch in shown:
        at = {m.digest: m.progress[epoch - 1] for m in measurements}
        yield comparison.proxy(
            name,
            kind,
            {digest: progress.accuracy for digest, progress in at.items()},
            [progress.seconds for progress in at.values()],
            losses={digest: progress.loss for digest, progress in at.items()},
            epoch=epoch,
            epochs=epochs,
        )


def _some(epochs: int) -> Iterator[int]:
    """1, 2, 3, 5, 8, ... below `epochs`."""
    this, following = 1, 2
    while this < epochs:
        yield this
        this, following = following, this + following


def _standard_error(accuracy: float, num_images: int) -> float:
    return math.sqrt(accuracy * (1 - accuracy) / num_images)
