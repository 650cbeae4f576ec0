"""Retrains designs in a run folder of its own, and goes on with an interrupted retraining."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bnas.architecture import design_to_dict
from bnas.evaluation import ProxyTraining
from bnas.runs import folder as folders
from bnas.runs.environment import environment
from bnas.runs.files import write_json, write_text, writing
from bnas.runs.folder import RESULTS_DIR, RunFolder
from bnas.runs.growing_table import mend_rows
from bnas.runs.listed import ListedTrials
from bnas.runs.repeats import Repetition, append_repetition
from bnas.runs.retraining.configuration import RetrainConfiguration
from bnas.runs.retraining.evaluator import FinalTraining, folder_name
from bnas.runs.retraining.result import Retraining, is_final, open_retraining
from bnas.runs.sharing import SharedTraining
from bnas.search.checkpoints import Checkpoints
from bnas.search.engine import ignore, run_job
from bnas.search.events import End, Ended, Listener
from bnas.search.port import Evaluation
from bnas.search.stop import Stop
from bnas.search.trials import Outcome, TrialRecord
from bnas.search.work import Job

if TYPE_CHECKING:
    from bnas.runs.retraining.resolution import Resolved

MOST_SEEDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainEnd:
    """A retraining, and why there is no more to train."""

    retraining: Retraining
    end: End


def start(
    resolved: "Resolved",
    *,
    name: str | None = None,
    results_dir: Path = RESULTS_DIR,
    listener: Listener = ignore,
) -> RetrainEnd:
    """Retrains designs in a new run folder.

    Args:
        resolved: What to do.
        name: Name of the run; made up from that of the search and the evaluator if None.
        results_dir: Folder of all runs.
        listener: Told of every epoch, and of every training that has ended.

    Raises:
        BnasError: The folder cannot be written, or no worker can train.
    """
    configuration = resolved.configuration
    folder = folders.create(results_dir, name, default=resolved.default)
    with folder.locked():
        with writing(folder.architectures):
            folder.architectures.mkdir()
        for entry, design in zip(configuration.designs, resolved.designs, strict=True):
            write_json(folder.architectures / f"{entry.digest}.json", design_to_dict(design))
        found = environment(configuration.engine) | {"seed": list(configuration.seeds)}
        write_json(folder.environment, found)
        write_text(folder.retrained, "")
        # Last: from now on it is a run.
        write_text(folder.config, configuration.to_yaml())
        return _train(Retraining(folder, configuration), resolved.training, listener)


def resume(
    folder: RunFolder, *, changes: Mapping[str, Any] | None = None, listener: Listener = ignore
) -> RetrainEnd:
    """Goes on with a retraining: what has a score, or diverged, is not trained again.

    Args:
        folder: Its run folder.
        changes: Settings of the engine to replace; they become part of the configuration.
        listener: As of `start`.

    Raises:
        BnasError: The folder is damaged or in use, or a change is not allowed.
    """
    earlier = open_retraining(folder)
    configuration = earlier.configuration.with_engine(changes or {})
    training = configuration.evaluator.build(device=configuration.engine.device, final=True)
    check_device(configuration, training)
    with folder.locked():
        mend_rows(folder.retrained)
        write_text(folder.config, configuration.to_yaml())
        return _train(Retraining(folder, configuration), training, listener)


def check_device(configuration: RetrainConfiguration, training: ProxyTraining) -> None:
    """Refuses a device that is not there, unless a cluster may have it.

    Raises:
        InvalidConfiguration: There is no CUDA device.
    """
    if configuration.engine.address is None:
        training.check_device()


def _train(retraining: Retraining, training: ProxyTraining, listener: Listener) -> RetrainEnd:
    folder, configuration = retraining.folder, retraining.configuration
    settings = configuration.engine
    with writing(folder.networks):
        folder.networks.mkdir(exist_ok=True)
    evaluator = FinalTraining(
        training=training,
        networks=folder.networks.resolve(),
        names={entry.digest: entry.name for entry in configuration.designs},
    )
    build: FinalTraining | SharedTraining = evaluator
    if configuration.processes > 1:
        build = SharedTraining(
            evaluator=evaluator,
            processes=configuration.processes,
            threads=training.definition.threads,
            settings=settings,
        )
        # One after the other, from this process: the workers are those of each training.
        settings = settings.model_copy(update={"engine": "inline"})
    with Stop(settings.max_time_s) as stop:
        kept = None
        if settings.checkpoint_s is not None:
            kept = Checkpoints(folder.checkpoints, interval_s=settings.checkpoint_s)
        book = _Book(retraining, kept, listener)
        end = run_job(
            Job(
                work=ListedTrials(book.open, record=book.record, done=book.done),
                build=build,
                settings=settings,
                stop=stop,
                listener=listener,
                checkpoints=kept,
                threads=training.definition.threads,
            )
        )
        if kept is not None:
            kept.close()
    ended = open_retraining(folder)
    if len(ended.final) == ended.num_wanted:
        shutil.rmtree(evaluator.teachers, ignore_errors=True)
    write_json(folder.path / "retrained.json", ended.as_dict())
    return RetrainEnd(retraining=ended, end=end)


class _Book:
    """Keeps what each training came to, and knows which are still to be made."""

    def __init__(
        self, retraining: Retraining, kept: Checkpoints | None, listener: Listener
    ) -> None:
        self._path = retraining.folder.retrained
        self._kept = kept
        self._listener = listener
        self._entries = {entry.digest: entry for entry in retraining.configuration.designs}
        done = {(one.digest, one.seed) for one in retraining.final}
        wanted = _wanted(retraining)
        self.open = {n: (r, s) for n, (r, s) in wanted.items() if (r.digest, s) not in done}
        self.done = f"all {len(wanted)} trainings are done"
        if kept is not None:
            kept.keep_only(self.open)

    def record(self, number: int, evaluation: Evaluation | None, error: str | None) -> None:
        """Adds a row to the table."""
        record, seed = self.open[number]
        one = Repetition(digest=record.digest, seed=seed, evaluation=evaluation, error=error)
        entry = self._entries[record.digest]
        beside = {
            "name": entry.name,
            "published": entry.published,
            "proxy": entry.proxy,
            "ops": record.costs.ops,
            "packed_bytes": record.costs.packed_bytes,
            "network": None if error else f"networks/{folder_name(record.digest, seed)}",
        }
        append_repetition(self._path, one, beside)
        if self._kept is not None and is_final(one):
            self._kept.remove(number)
        outcome: Outcome = "failed" if error is not None else "finished"
        ended = replace(record, number=number, outcome=outcome, evaluation=evaluation, error=error)
        self._listener(Ended(record=ended))


def _wanted(retraining: Retraining) -> dict[int, tuple[TrialRecord, int]]:
    """Design and seed of each training by a number that stays, the most expensive first.

    A long training that begins last would keep one worker busy while the others have nothing.
    """
    seeds = list(enumerate(retraining.configuration.seeds))
    records = sorted(retraining.records, key=lambda record: -record.costs.ops)
    return {
        record.number * MOST_SEEDS + place: (record, seed)
        for place, seed in seeds
        for record in records
    }


# How a display is told what the trainings are called.
Label = Callable[[int], str]


def labels(retraining_configuration: RetrainConfiguration) -> Label:
    """What the training of a number is called: the design and the seed."""

    def label(number: int) -> str:
        design, place = divmod(number, MOST_SEEDS)
        seed = retraining_configuration.seeds[place]
        return f"{retraining_configuration.designs[design].name} seed {seed}"

    return label
