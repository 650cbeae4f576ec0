"""Zero-cost scores of a sample, timed one by one."""

import time
from collections.abc import Collection, Iterator, Sequence
from functools import partial

from bnas.architecture import from_dict
from bnas.evaluation import ProxyTraining, ZeroCostDefinition
from bnas.runs.fidelity.table import Measurement
from bnas.search.guard import Failure, guarded
from bnas.search.stop import Stop
from bnas.search.trials import TrialRecord


def scored(
    definition: ZeroCostDefinition,
    truth: ProxyTraining,
    sample: Sequence[TrialRecord],
    *,
    seed: int,
    done: Collection[tuple[str, str, int]],
    stop: Stop,
) -> Iterator[Measurement]:
    """Every score of every architecture that is not known yet, in this process.

    Args:
        definition: Which scores.
        truth: Whose images and device they take.
        sample: The architectures.
        seed: The first one.
        done: Keys of the measurements that there are already.
        stop: Asked before each score.
    """
    from bnas.evaluation.trial import load_data, using_threads
    from bnas.evaluation.zero_cost.scores import score

    found_by = partial(
        score,
        examples=load_data(truth.definition, truth.facts, truth.device).train,
        facts=truth.facts,
        batch_size=definition.batch_size,
        seeds=range(seed, seed + definition.seeds),
    )
    with using_threads(truth.definition.threads):
        for name in definition.scores:
            wanted = [record for record in sample if (name, record.digest, seed) not in done]
            for index, record in enumerate(wanted):
                if stop.end is not None:
                    return
                if index == 0:
                    # The first call also pays for what is loaded and prepared once.
                    guarded(partial(found_by, name, from_dict(record.architecture)))
                began = time.perf_counter()
                found = guarded(partial(found_by, name, from_dict(record.architecture)))
                yield Measurement(
                    proxy=name,
                    digest=record.digest,
                    seed=seed,
                    score=None if isinstance(found, Failure) else found,
                    error=found.error if isinstance(found, Failure) else None,
                    seconds=time.perf_counter() - began,
                )
