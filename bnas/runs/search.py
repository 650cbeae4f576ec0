"""A search from its configuration to a run folder, and on from where it stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnas.errors import InvalidConfiguration
from bnas.evaluation import ProxyTraining
from bnas.runs import folder as folders
from bnas.runs.configuration import Configuration, resolve
from bnas.runs.environment import environment
from bnas.runs.files import write_json, write_text
from bnas.runs.folder import RESULTS_DIR, RunFolder
from bnas.runs.recorder import Recorder
from bnas.runs.run import Run, open_run
from bnas.search import engine
from bnas.search.engine import Summary, ignore
from bnas.search.events import Event, Listener
from bnas.search.front import reference_point
from bnas.search.halving import Halving
from bnas.search.plateau import Plateau
from bnas.search.study import Study
from bnas.search.trials import COUNTED
from bnas.space import SearchSpace


def run_search(
    space: str,
    evaluator: str,
    *,
    name: str | None = None,
    results_dir: Path = RESULTS_DIR,
    listener: Listener = ignore,
    **settings: Any,
) -> Run:
    """Searches a space in a new run folder: `bnas search` from Python.

    Args:
        space: Name or path of the search space.
        evaluator: Name or path of the evaluator.
        name: Name of the run; made up from space and evaluator if None.
        results_dir: Folder of all runs.
        listener: Told of everything that happens.
        settings: Fields of `bnas.search.settings.SearchSettings`, as trials=30.

    Raises:
        BnasError: Something is unknown or not allowed, or the folder cannot be written.
    """
    configuration = resolve(space=space, evaluator=evaluator, search=settings)
    return start(configuration, name=name, results_dir=results_dir, listener=listener).run


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEnd:
    """A run, and how its search ended."""

    run: Run
    summary: Summary


def start(
    configuration: Configuration,
    *,
    name: str | None = None,
    results_dir: Path = RESULTS_DIR,
    listener: Listener = ignore,
) -> SearchEnd:
    """Searches in a new run folder.

    Everything that can be wrong with the configuration or the data is found before the folder is
    made.

    Args:
        configuration: What to do.
        name: Name of the run; made up from space and evaluator if None.
        results_dir: Folder of all runs.
        listener: Told of everything that happens.

    Raises:
        BnasError: The configuration or the data are wrong, or the folder cannot be written.
    """
    space = SearchSpace(configuration.space)
    _check_recipe(configuration)
    evaluator = _evaluator(configuration)
    configuration = _completed(configuration, space, evaluator)
    default = f"{space.name}-{configuration.evaluator.name}"
    folder = folders.create(results_dir, name, default=default)
    with folder.locked():
        study = Study.create(folder.study, configuration.search.objectives)
        write_json(folder.environment, environment(configuration.search))
        write_text(folder.config, configuration.to_yaml())
        return _search(
            folder,
            configuration,
            study,
            space=space,
            evaluator=evaluator,
            listener=listener,
        )


def resume(
    folder: RunFolder, *, changes: Mapping[str, Any] | None = None, listener: Listener = ignore
) -> SearchEnd:
    """Goes on with an earlier run: unfinished trials first, then new ones.

    Args:
        folder: The run.
        changes: Search settings to replace, as a larger number of trials; they become part of the
            run's configuration.
        listener: Told of everything that happens.

    Raises:
        BnasError: The folder is damaged or in use, or a change is not allowed.
    """
    run = open_run(folder)
    space = SearchSpace(run.configuration.space)
    configuration = run.configuration.with_search(changes or {})
    num_trained = sum(trial.outcome in COUNTED for trial in run.trials)
    if configuration.search.trials < num_trained:
        raise InvalidConfiguration(
            "trials is the new total, no less than are trained already, but is "
            f"{configuration.search.trials} and {num_trained} are; give a larger total"
        )
    evaluator = _evaluator(configuration)
    with folder.locked():
        study = Study.load(folder.study, mend=True)
        write_text(folder.config, configuration.to_yaml())
        return _search(
            folder,
            configuration,
            study,
            space=space,
            evaluator=evaluator,
            listener=listener,
        )


def _check_recipe(configuration: Configuration) -> None:
    """Refuses a recipe that can train no design of the space, see `rules.check_design`."""
    evaluator, space = configuration.evaluator, configuration.space
    levels = {
        option for part in space.parts.values() for option in part.choices.activation_levels.options
    }
    if any(phase.coupled for phase in evaluator.recipe.phases) and "paired" not in levels:
        raise InvalidConfiguration(
            "a recipe with a coupled phase (BinaryDuo) needs paired activations, but the space "
            f"{space.name!r} has activation_levels {', '.join(sorted(levels))} alone, and the "
            f"evaluator is {evaluator.name!r}; take the space 'binaryduo', or another evaluator"
        )


def _evaluator(configuration: Configuration) -> ProxyTraining:
    evaluator = configuration.evaluator.build(device=configuration.search.device)
    if configuration.search.address is None:
        # A cluster may have devices that this machine lacks.
        evaluator.check_device()
    return evaluator


def _completed(
    configuration: Configuration, space: SearchSpace, evaluator: ProxyTraining
) -> Configuration:
    """With the data's absolute path and the reference point of the hypervolume."""
    candidates = [evaluator.cost(architecture) for _, architecture in space.first_candidates]
    try:
        reference = reference_point(
            configuration.search, chance=evaluator.facts.chance, candidates=candidates
        )
    except ValueError as error:
        raise InvalidConfiguration(
            f"{error}; add first_candidates to the space {space.name} or give --max-ops"
        ) from None
    return configuration.model_copy(
        update={"evaluator": evaluator.definition, "reference": reference}
    )


def _search(
    folder: RunFolder,
    configuration: Configuration,
    study: Study,
    *,
    space: SearchSpace,
    evaluator: ProxyTraining,
    listener: Listener,
) -> SearchEnd:
    recorder = Recorder(
        folder,
        choice_names=space.choice_names,
        objectives=configuration.search.objectives,
        chance=evaluator.facts.chance,
        facts=evaluator.facts,
    )
    # The others come as events when they are told of.
    recorder.rewrite([r for r, is_open in study.history() if r is not None and not is_open])

    def record_and_tell(event: Event) -> None:
        recorder(event)
        listener(event)

    try:
        summary = engine.run_search(
            study,
            settings=configuration.search,
            space=space,
            cost=evaluator.cost,
            evaluator=Constant(evaluator),
            listener=record_and_tell,
            halving=_halving(configuration),
            plateau=_plateau(configuration),
            checkpoints=folder.checkpoints,
            threads=evaluator.definition.threads,
        )
    finally:
        recorder.rewrite(study.records())
    return SearchEnd(run=open_run(folder), summary=summary)


def _halving(configuration: Configuration) -> Halving | None:
    evaluator = configuration.evaluator
    if evaluator.rungs is None:
        return None
    objectives = configuration.search.objectives
    return Halving(evaluator.rungs, epochs=evaluator.epochs, objectives=objectives)


def _plateau(configuration: Configuration) -> Plateau | None:
    search = configuration.search
    if search.patience is None or configuration.reference is None:
        return None
    return Plateau(search.patience, objectives=search.objectives, reference=configuration.reference)


@dataclass(frozen=True, slots=True)
class Constant:
    """A factory that returns one evaluator; small enough to be sent to every worker."""

    evaluator: ProxyTraining

    def __call__(self) -> ProxyTraining:
        """Returns the evaluator."""
        return self.evaluator
