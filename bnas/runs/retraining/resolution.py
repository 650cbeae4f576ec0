"""From what a user names to the configuration of a retraining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnas.architecture import Design
from bnas.data.sources import REQUIRED
from bnas.definitions import validate
from bnas.errors import InvalidConfiguration
from bnas.evaluation import EvaluatorDefinition, ProxyTraining, load_evaluator
from bnas.runs.configuration import assign
from bnas.runs.retraining import selection
from bnas.runs.retraining.configuration import RetrainConfiguration, engine_settings
from bnas.runs.retraining.retrain import MOST_SEEDS, check_device
from bnas.runs.run import Run
from bnas.training.rules import check_design

_GROUPS: Final = ("evaluator", "engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A retraining that can be started.

    Attributes:
        configuration: What to do.
        designs: Its designs, for images of the data.
        training: Its evaluator, built.
        default: Beginning of a name for it.
    """

    configuration: RetrainConfiguration
    designs: list[Design]
    training: ProxyTraining
    default: str


def resolve(
    *,
    run: Run | None,
    designs: Sequence[Design] = (),
    front: bool = False,
    top: int | None = None,
    published: bool = False,
    evaluator: str | None,
    data: str | None = None,
    num_seeds: int = 1,
    engine: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    processes: int = 1,
) -> Resolved:
    """The retraining that names, options and assignments come to.

    Args:
        run: The search that the designs are from.
        designs: Which designs, one by one.
        front: Whether the front of the run is retrained, in front of those designs.
        top: Only so many of the front, those with the highest accuracy.
        published: Adds published designs to compare with, see `selection.with_published`.
        evaluator: Name or path of the evaluator.
        data: Data set or file that it takes instead of its own; where it has none of its own, it
            takes that of the search.
        num_seeds: Trainings of each design, with the seeds after that of the search.
        engine: Settings of the engine by name.
        assignments: `KEY=VALUE` with a dotted key below `evaluator` or `engine`; they win.
        processes: How many share each training.

    Raises:
        BnasError: Something is unknown or not allowed; the message says what is.
    """
    if not 1 <= num_seeds <= MOST_SEEDS:
        raise InvalidConfiguration(
            f"a design is retrained with 1 to {MOST_SEEDS} seeds, but got {num_seeds}; 3 show how "
            "large the noise is"
        )
    definition, changes = _settings(run, evaluator, data, engine or {}, assignments)
    _check_processes(definition, processes)
    selected = selection.named(designs, run=run)
    if front and run is not None:
        selected = selection.joined(selection.of_front(run, top=top), selected)
    training = definition.build(final=True)
    if run is not None:
        _check_split(run, training.definition)
    if published:
        selected = selection.with_published(selected, run, training.facts)
    for entry, design in selected:
        check_design(definition.recipe, design.architecture, name=entry.name)
    first = 0 if run is None else run.configuration.search.seed
    has_proxy = run is not None and any(entry.proxy is not None for entry, _ in selected)
    configuration = RetrainConfiguration(
        run=None if run is None else str(run.folder.path),
        proxy=selection.proxy_words(run) if run is not None and has_proxy else None,
        seeds=tuple(range(first + 1, first + 1 + num_seeds)),
        designs=tuple(entry for entry, _ in selected),
        evaluator=training.definition,
        engine=engine_settings(changes, threads=definition.threads),
        processes=processes,
    )
    training = definition.build(device=configuration.engine.device, final=True)
    check_device(configuration, training)
    named = selected[0][0].name if run is None else run.folder.name
    return Resolved(
        configuration=configuration,
        designs=selection.for_data(selected, training.facts),
        training=training,
        default=f"{named}-{definition.name}",
    )


def _check_processes(definition: EvaluatorDefinition, processes: int) -> None:
    recipe = definition.recipe
    phases = [recipe.phase(number).recipe for number in range(max(1, len(recipe.phases)))]
    # Batches of an epoch have equal sizes, which may be little more than half of this.
    smallest = min(phase.batch_size for phase in phases)
    if not 1 <= processes <= smallest // 2:
        raise InvalidConfiguration(
            f"a training is shared by 1 to {smallest // 2} processes, so that each has an image of "
            f"every batch (batch_size {smallest}), but got {processes}; take another number or a "
            "larger batch"
        )


def _settings(
    run: Run | None,
    evaluator: str | None,
    data: str | None,
    engine: Mapping[str, Any],
    assignments: Sequence[str],
) -> tuple[EvaluatorDefinition, dict[str, Any]]:
    """The evaluator, and the settings of the engine that are given."""
    if evaluator is None:
        own = "" if run is None else f", and that of the search ({_length(run)}) is only a proxy"
        raise InvalidConfiguration(
            "a retraining needs an evaluator with its recipe and epochs, but none is given"
            f"{own}; name one with --evaluator (see `bnas evaluators`)"
        )
    values: dict[str, Any] = {
        "evaluator": load_evaluator(evaluator).model_dump(),
        "engine": dict(engine),
    }
    if data is None and run is not None and values["evaluator"]["data"] == REQUIRED:
        data = run.configuration.evaluator.data
    if data is not None:
        values["evaluator"]["data"] = data
    for assignment in assignments:
        if assignment.partition("=")[0].partition(".")[0] not in _GROUPS:
            raise InvalidConfiguration(
                f"--set of a retraining takes a key below {' or '.join(_GROUPS)}, but got "
                f"{assignment!r}; as in `--set evaluator.epochs=100`"
            )
        assign(values, assignment)
    definition = validate(
        values["evaluator"], EvaluatorDefinition, InvalidConfiguration, source="evaluator"
    )
    if definition.width_factor != 1:
        raise InvalidConfiguration(
            f"a retraining trains designs as they are, but the evaluator {definition.name!r} has "
            f"width_factor {definition.width_factor:g}; add --set evaluator.width_factor=1"
        )
    return definition, values["engine"]


def _length(run: Run) -> str:
    evaluator = run.configuration.evaluator
    return f"{evaluator.name!r}, {evaluator.epochs} epochs"


def _check_split(run: Run, definition: EvaluatorDefinition) -> None:
    """Keeps images that the search has seen out of the test split."""
    searched = run.configuration.evaluator
    if definition.data == searched.data and definition.split_seed != searched.split_seed:
        raise InvalidConfiguration(
            "the test split must be the one that the search has not seen, that of split_seed "
            f"{searched.split_seed}, but the evaluator {definition.name!r} has split_seed "
            f"{definition.split_seed}; add --set evaluator.split_seed={searched.split_seed}"
        )
