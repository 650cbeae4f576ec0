"""Which settings go together, and which recipes with which designs: all in one place."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from bnas.architecture import Architecture
from bnas.errors import InvalidConfiguration
from bnas.training.settings import Schedule

if TYPE_CHECKING:
    from bnas.training.recipe import Recipe

Breach: TypeAlias = tuple[tuple[int | str, ...], str]

_FUNCTION: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def breaches(recipe: "Recipe") -> Iterator[Breach]:
    """Every broken rule between settings: where, and rule, value and remedy."""
    yield from _momentum(recipe)
    yield from _milestones(recipe.schedule, "schedule")
    for number, phase in enumerate(recipe.phases):
        yield from _milestones(phase.schedule, "phases", number, "schedule")
    if recipe.teacher is not None:
        yield from _milestones(recipe.teacher.schedule, "teacher", "schedule")
    yield from _order(recipe)
    yield from _last(recipe)
    yield from _teacher(recipe)


def check_epochs(recipe: "Recipe", epochs: int) -> None:
    """Refuses a length that a recipe, or that of its teacher, cannot be stretched over.

    Raises:
        InvalidConfiguration: A phase would have no epoch, or a milestone lies behind its phase.
    """
    _check_epochs(recipe, epochs, whose="")
    teacher = recipe.teacher
    if teacher is not None and teacher.kind == "twin":
        _check_epochs(recipe.of_twin, teacher.epochs or epochs, whose=" of the teacher")


def _check_epochs(recipe: "Recipe", epochs: int, *, whose: str) -> None:
    ends = recipe.ends(epochs)
    for number, (first, end) in enumerate(pairwise((0, *ends))):
        schedule, length = recipe.phase(number).recipe.schedule, end - first
        if not isinstance(schedule, str) and schedule.milestones[-1] >= length:
            raise InvalidConfiguration(
                f"milestones must lie within their phase, but epochs={epochs}{whose} leave "
                f"{length} to phase {number + 1} and its last milestone is "
                f"{schedule.milestones[-1]:g}; take "
                "more epochs, or milestones that are shares of the phase"
            )


def check_design(recipe: "Recipe", architecture: Architecture, *, name: str = "the design") -> None:
    """Refuses a recipe that a design cannot be trained with.

    Args:
        recipe: How to train.
        architecture: The design.
        name: What it is called, for messages.

    Raises:
        InvalidConfiguration: A phase is coupled and the design has no paired activations.
    """
    levels = {stage.unit.activation_levels for stage in architecture.stages}
    if any(phase.coupled for phase in recipe.phases) and "paired" not in levels:
        raise InvalidConfiguration(
            "a recipe with a coupled phase (BinaryDuo) needs paired activations in some stage, but "
            f"the activation_levels of {name} are {', '.join(sorted(levels))}; take a design with "
            "activation_levels: paired, or another recipe"
        )


def _momentum(recipe: "Recipe") -> Iterator[Breach]:
    if (recipe.optimizer == "sgd") != (recipe.momentum is not None):
        message = (
            "momentum must be given for the optimizer 'sgd' and for no other, but optimizer is "
            f"{recipe.optimizer!r} and momentum {recipe.momentum}; "
            + ("add momentum: 0.9" if recipe.momentum is None else "remove momentum")
        )
        yield (), message


def _milestones(schedule: Schedule | None, *path: int | str) -> Iterator[Breach]:
    if schedule is None or isinstance(schedule, str):
        return
    found = schedule.milestones
    written = ", ".join(f"{number:g}" for number in found)
    if any(first >= second for first, second in pairwise(found)):
        yield (*path, "milestones"), f"milestones must rise, but are {written}; sort them"
    if any(number >= 1 for number in found) and not all(number.is_integer() for number in found):
        message = (
            "milestones must all be shares of the phase, below 1, or all be epochs, whole, but "
            f"are {written}; take one of the two"
        )
        yield (*path, "milestones"), message


def _order(recipe: "Recipe") -> Iterator[Breach]:
    for number, (phase, following) in enumerate(pairwise(recipe.phases), start=1):
        if (phase.weights, following.weights) == ("binary", "real"):
            message = (
                "phases with real weights must come before those with binary ones, but phase "
                f"{number + 1} has real weights and phase {number} has not; change their order"
            )
            yield ("phases", number, "weights"), message
        if following.coupled and not phase.coupled:
            message = (
                f"coupled phases must come before the others, but phase {number + 1} is coupled "
                f"and phase {number} is not; change their order"
            )
            yield ("phases", number, "coupled"), message


def _last(recipe: "Recipe") -> Iterator[Breach]:
    if not recipe.phases:
        return
    number = len(recipe.phases) - 1
    rule = "the last phase must train what is deployed, but"
    if recipe.phases[number].weights == "real":
        message = f"{rule} its weights are real; add a phase with weights: binary"
        yield ("phases", number, "weights"), message
    if recipe.phases[number].coupled:
        message = f"{rule} it is coupled; add a phase with coupled: false"
        yield ("phases", number, "coupled"), message


def _teacher(recipe: "Recipe") -> Iterator[Breach]:
    teacher = recipe.teacher
    if teacher is None:
        return
    name = teacher.network
    if teacher.kind == "function" and not _FUNCTION.fullmatch(name):
        message = (
            "a teacher must be 'twin', the path of a trained network, or PACKAGE.MODULE:FUNCTION, "
            f"but is {name!r}; take one of these (a path has a {os.sep})"
        )
        yield ("teacher", "network"), message
    own = teacher.model_dump(exclude={"network", "weight"}, exclude_none=True)
    if teacher.kind != "twin" and own:
        message = (
            f"only a twin is trained here, but the teacher is {name!r} and has settings of a "
            f"training: {', '.join(own)}; remove them"
        )
        yield ("teacher",), message
    smoothing = [recipe.label_smoothing, *(phase.label_smoothing for phase in recipe.phases)]
    if teacher.weight is None and any(smoothing):
        message = (
            "without a weight the teacher's loss uses no labels, but label_smoothing would smooth "
            "some; give the teacher a weight, or set label_smoothing to 0"
        )
        yield ("teacher",), message
