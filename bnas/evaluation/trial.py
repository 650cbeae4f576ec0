"""One trial of proxy training, inside a process that has torch."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path

import torch

from bnas import blocks
from bnas.architecture import Architecture
from bnas.data import Facts, is_file, read
from bnas.data.memory import SearchData, search_data
from bnas.errors import InvalidData
from bnas.evaluation.definition import EvaluatorDefinition
from bnas.search.port import Evaluation, Progress
from bnas.training.loop import begin, train


def train_and_score(
    definition: EvaluatorDefinition,
    facts: Facts,
    architecture: Architecture,
    *,
    seed: int,
    report: Callable[[Progress], bool],
) -> Evaluation:
    """See `ProxyTraining.evaluate`."""
    began = time.perf_counter()
    data = _data(definition, facts)
    with _threads(definition.threads):
        for progress in _epochs(definition, data, architecture, seed, began):
            if not report(progress):
                break
    return Evaluation(
        accuracy=progress.accuracy,
        loss=progress.loss,
        epochs=progress.epoch,
        seconds=time.perf_counter() - began,
    )


def _epochs(
    definition: EvaluatorDefinition,
    data: SearchData,
    architecture: Architecture,
    seed: int,
    began: float,
) -> Iterator[Progress]:
    model = blocks.build(
        architecture,
        in_channels=data.facts.in_channels,
        num_classes=data.facts.num_classes,
        image_size=data.facts.image_size,
        seed=seed,
    )
    training = begin(model, definition.recipe, seed=seed, device=definition.device)
    results = train(
        training,
        data,
        definition.recipe,
        epochs=definition.epochs,
        set_progress=partial(blocks.set_progress, model),
    )
    for result in results:
        yield Progress(
            epoch=result.epoch,
            accuracy=result.accuracy,
            loss=result.loss,
            seconds=time.perf_counter() - began,
        )


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Give the trial its threads, and afterwards the process those it had."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _data(definition: EvaluatorDefinition, facts: Facts) -> SearchData:
    source = definition.data
    data = _cached(source, _version(source), definition.split_seed, definition.device)
    if data.facts != facts:
        raise InvalidData(
            f"{source}: the data must stay as they were when the search began, {facts}, "
            f"but are {data.facts}; begin a new run"
        )
    return data


@lru_cache(maxsize=1)
def _cached(
    source: str, version: tuple[int, int] | None, split_seed: int, device: str
) -> SearchData:
    """Keep the last data set: a worker runs many trials on the same."""
    del version  # part of the key only: a file that was written again is read again
    return search_data(read(source), split_seed=split_seed, device=device)


def _version(source: str) -> tuple[int, int] | None:
    if not is_file(source) or not Path(source).exists():  # `read` says what is wrong
        return None
    status = Path(source).stat()
    return status.st_mtime_ns, status.st_size
