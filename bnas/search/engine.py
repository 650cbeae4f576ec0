"""Runs a search to its end on the engine that its settings name."""

from collections.abc import Callable
from dataclasses import dataclass

from bnas.architecture import Architecture
from bnas.cost import Totals
from bnas.errors import RunError
from bnas.search.events import End, Event, Listener
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

    Raises:
        RunError: The study cannot be written; what was recorded before is kept.
    """
    try:
        with Stop(settings.max_time_s) as stop:
            proposer = Proposer(
                study,
                settings=settings,
                space=space,
                cost=cost,
                listener=listener,
                halving=halving,
                plateau=plateau,
            )
            run = run_inline if settings.engine == "inline" else _run_ray
            end = run(proposer, evaluator, settings=settings, stop=stop, listener=listener)
    except OSError as error:
        raise RunError(
            f"a run must be able to write its folder, but {error}; free space or correct "
            "permissions, then resume the run: everything recorded before is kept"
        ) from error
    return Summary(end=end, counts=counts(study.records()))


def _run_ray(
    proposer: Proposer,
    build: Callable[[], Evaluator],
    *,
    settings: SearchSettings,
    stop: Stop,
    listener: Listener,
) -> End:
    with ray_environment(settings):
        from bnas.search.ray_engine import run_ray

        return run_ray(proposer, build, settings=settings, stop=stop, listener=listener)
