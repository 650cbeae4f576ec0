"""Runs a search to its end on the engine that its settings name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnas.architecture import Architecture
from bnas.cost import Totals
from bnas.errors import RunError
from bnas.search.checkpoints import Checkpoints
from bnas.search.events import End, EpochEnded, Event, Listener, Noted
from bnas.search.halving import Halving
from bnas.search.inline_engine import run_inline
from bnas.search.plateau import Plateau
from bnas.search.port import Evaluator
from bnas.search.proposer import Proposer
from bnas.search.ray_environment import ray_environment
from bnas.search.settings import SearchSettings
from bnas.search.stop import Stop
from bnas.search.study import Study
from bnas.search.trials import Outcome, counts
from bnas.search.work import Job
from bnas.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a search ended, and how many of its trials ended in each way."""

    end: End
    counts: dict[Outcome, int]


def ignore(event: Event) -> None:
    """Listens to nothing."""


def run_search(
    study: Study,
    *,
    settings: SearchSettings,
    space: SearchSpace,
    cost: Callable[[Architecture], Totals],
    evaluator: Callable[[], Evaluator],
    listener: Listener = ignore,
    halving: Halving | None = None,
    plateau: Plateau | None = None,
    checkpoints: Path | None = None,
    threads: int = 1,
) -> Summary:
    """Searches until the number of trials is reached, or nothing new is found, or it is stopped.

    A study that has trials already is gone on with: none of them is run again, unfinished ones are
    run first under their own numbers, and all count to `settings.trials`.

    Args:
        study: Where every trial is recorded.
        settings: Budget, sampler, engine, objectives and bounds.
        space: What may be proposed.
        cost: Exact costs of an architecture.
        evaluator: Builds the evaluator, once a process; a module-level function or a partial of
            one, since the ray engine sends it to its workers.
        listener: Told of everything that happens, in this process.
        halving: Decides which trials are stopped early; None trains all to their end.
        plateau: Ends the search when the hypervolume has stopped growing.
        checkpoints: Folder for the state of unfinished trials; None keeps none.
        threads: CPU threads of one trial.

    Raises:
        RunError: The study cannot be written; what was recorded before is kept.
    """
    try:
        kept = _checkpoints(checkpoints, settings, study)
        tell = _telling(listener, kept)
        with Stop(settings.max_time_s) as stop:
            proposer = Proposer(
                study,
                settings=settings,
                space=space,
                cost=cost,
                listener=tell,
                halving=halving,
                plateau=plateau,
            )
            end = run_job(
                Job(
                    work=proposer,
                    build=evaluator,
                    settings=settings,
                    stop=stop,
                    listener=tell,
                    checkpoints=kept,
                    threads=threads,
                )
            )
        if kept is not None:
            kept.close()
    except OSError as error:
        raise RunError(
            f"a run must be able to write its folder, but {error}; free space or correct "
            "permissions, then resume the run: everything recorded before is kept"
        ) from error
    return Summary(end=end, counts=counts(study.records()))


def run_job(job: Job) -> End:
    """Runs trials on the engine that the settings name, until the work is done or stopped.

    Raises:
        RunError: The ray engine has no cluster, or its workers cannot build the evaluator.
        OSError: Something cannot be written.
    """
    if job.settings.engine == "inline":
        return run_inline(job)
    with ray_environment(job.settings):
        from bnas.search.ray_engine import run_ray

        return run_ray(job)


def _checkpoints(folder: Path | None, settings: SearchSettings, study: Study) -> Checkpoints | None:
    if folder is None or settings.checkpoint_s is None:
        return None
    kept = Checkpoints(folder, interval_s=settings.checkpoint_s)
    kept.keep_only({r.number for r in study.records() if r.outcome == "running"})
    return kept


def _telling(listener: Listener, kept: Checkpoints | None) -> Listener:
    """Tells a listener of everything, notes of evaluators as events of their own."""

    def tell(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.progress.note is not None:
            listener(Noted(number=event.number, text=event.progress.note))
        listener(event)
        if kept is not None:
            kept(event)

    return tell
