"""Evaluates designs of a run again, with new seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnas.errors import InvalidConfiguration, RunError
from bnas.runs.files import write_json
from bnas.runs.folder import RunFolder
from bnas.runs.growing_table import mend_rows
from bnas.runs.listed import ListedTrials
from bnas.runs.repeats import (
    Repetition,
    append_repetition,
    read_repetitions,
)
from bnas.runs.run import Run, open_run
from bnas.runs.search import Constant
from bnas.runs.tables import front_entries
from bnas.search.checkpoints import Checkpoints
from bnas.search.engine import run_job
from bnas.search.events import End, EpochEnded, Event, Listener
from bnas.search.port import Evaluation
from bnas.search.stop import Stop
from bnas.search.trials import TrialRecord
from bnas.search.work import Job

MOST_SEEDS: Final = 999

# Told of what happens, in lines of text.
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatEnd:
    """A run with its repetitions, the designs that were asked for, and why there are no more."""

    run: Run
    digests: tuple[str, ...]
    end: End


def repeat(
    folder: RunFolder,
    *,
    num_seeds: int,
    digests: Sequence[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    tell: Tell = lambda _: None,
) -> RepeatEnd:
    """Evaluates designs with the seeds after the run's own; what is recorded is not repeated.

    Args:
        folder: The run.
        num_seeds: Evaluations of each design, those of earlier calls included.
        digests: Which finished designs, by digest; None takes the front of the search.
        changes: Search settings for this call, as engine and workers.
        tell: Told of each repetition that has ended, and of what evaluators note.

    Raises:
        BnasError: The folder is damaged or in use, or a design or a change is not allowed.
    """
    if not 1 <= num_seeds <= MOST_SEEDS:
        raise InvalidConfiguration(
            f"a design is repeated with 1 to {MOST_SEEDS} seeds, but got {num_seeds}; 3 show how "
            "large the noise is"
        )
    run = open_run(folder)
    settings = run.configuration.with_search(changes or {}).search
    evaluator = run.configuration.evaluator.build(device=settings.device)
    with folder.locked():
        records = run.searched_front() if digests is None else _finished(run, digests)
        mend_rows(folder.repeats)
        with Stop(settings.max_time_s) as stop:
            kept = None
            if settings.checkpoint_s is not None:
                kept = Checkpoints(folder.repeat_checkpoints, interval_s=settings.checkpoint_s)
            repeats = _Repeats(folder, _wanted(records, settings.seed, num_seeds), kept, tell)
            end = run_job(
                Job(
                    work=repeats.work(),
                    build=Constant(evaluator),
                    settings=settings,
                    stop=stop,
                    listener=_noting(tell),
                    checkpoints=kept,
                    threads=evaluator.definition.threads,
                )
            )
            if kept is not None:
                kept.close()
        run = open_run(folder)
        write_json(folder.front, front_entries(run.front(), run.objectives, run.estimates))
    return RepeatEnd(run=run, digests=tuple(record.digest for record in records), end=end)


def _finished(run: Run, digests: Sequence[str]) -> list[TrialRecord]:
    finished = {record.digest: record for record in run.trials if record.outcome == "finished"}
    found = [run.design(digest).name for digest in digests]
    for digest in found:
        if digest not in finished:
            raise RunError(
                f"a design is repeated when its trial has finished, but that of {digest} has not; "
                f"see {run.folder.trials}"
            )
    return [finished[digest] for digest in dict.fromkeys(found)]


def _noting(tell: Tell) -> Listener:
    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.progress.note is not None:
            tell(event.progress.note)

    return listen


def _wanted(
    records: Sequence[TrialRecord], seed: int, num_seeds: int
) -> dict[int, tuple[TrialRecord, int]]:
    """Design and seed of each repetition by its number."""
    return {
        record.number * (MOST_SEEDS + 1) + offset: (record, seed + offset)
        for offset in range(1, num_seeds + 1)
        for record in records
    }


class _Repeats:
    """The repetitions of a run, those that are recorded and those that are still to be made."""

    def __init__(
        self,
        folder: RunFolder,
        wanted: Mapping[int, tuple[TrialRecord, int]],
        kept: Checkpoints | None,
        tell: Tell,
    ) -> None:
        done = {(r.digest, r.seed) for r in read_repetitions(folder.repeats)}
        self._path = folder.repeats
        self._kept = kept
        self._tell = tell
        self._open = {n: (r, s) for n, (r, s) in wanted.items() if (r.digest, s) not in done}
        self._num_wanted = len(wanted)
        self._num_done = len(wanted) - len(self._open)
        if kept is not None:
            kept.keep_only(self._open)

    def work(self) -> ListedTrials:
        """What is still to be made, seed after seed."""
        done = f"all {self._num_wanted} repetitions are done"
        return ListedTrials(self._open, record=self._record, done=done)

    def _record(self, number: int, evaluation: Evaluation | None, error: str | None) -> None:
        record, seed = self._open[number]
        repetition = Repetition(digest=record.digest, seed=seed, evaluation=evaluation, error=error)
        append_repetition(self._path, repetition)
        if self._kept is not None:
            self._kept.remove(number)
        self._num_done += 1
        self._tell(f"[{self._num_done}/{self._num_wanted}] {repetition}")
