"""The exact number of points of a space."""

from collections.abc import Iterator

from bnas.errors import InvalidSpace
from bnas.space.draft import Draft
from bnas.space.variables import Variable, Variables

MAX_COMBINATIONS = 500_000


def count_points(variables: Variables, space: str) -> int:
    """Goes through the decisions in order, over all points at once.

    Points that agree in all decisions that later ones depend on are followed as one, with their
    number: independent decisions multiply, and stages are not enumerated together.

    Raises:
        InvalidSpace: Some decisions leave a choice without a valid option, or too many depend on
            each other to count.
    """
    later = _read_later(variables)
    states: dict[tuple[object, ...], tuple[Draft, int]] = {(): (Draft(variables), 1)}
    combinations = 0
    for variable, live in zip(variables.all, later, strict=True):
        combinations += len(states) * len(variable.options)
        if combinations > MAX_COMBINATIONS:
            raise _too_intricate(space, variable)
        following: dict[tuple[object, ...], tuple[Draft, int]] = {}
        for draft, number in states.values():
            for successor, ways in _successors(draft, variable, space, live):
                key = tuple(successor.point.get(name) for name in live)
                first, before = following.get(key, (successor, 0))
                following[key] = first, before + number * ways
        states = following
    return sum(number for _, number in states.values())


def _successors(
    draft: Draft, variable: Variable, space: str, live: tuple[str, ...]
) -> Iterator[tuple[Draft, int]]:
    """The drafts after a decision, each with the number of options that lead to it."""
    options = draft.options(variable)
    if options == ():
        raise dead_end(space, variable, draft)
    taken = (None,) if options is None else options
    # Where nothing later depends on the option, one stands for all.
    alike = 1 if variable.name in live else len(taken)
    for option in taken[::alike]:
        successor = draft.copy()
        successor.take(variable, option)
        yield successor, alike


def _read_later(variables: Variables) -> list[tuple[str, ...]]:
    """For each variable, those up to it that a later one reads."""
    names = [variable.name for variable in variables.all]
    found: list[tuple[str, ...]] = []
    read: frozenset[str] = frozenset()
    for index in reversed(range(len(names))):
        found.append(tuple(name for name in names[: index + 1] if name in read))
        read |= variables.all[index].reads
    return found[::-1]


def dead_end(space: str, variable: Variable, draft: Draft) -> InvalidSpace:
    """The error for decisions that leave a choice without a valid option."""
    given = [f"{name}={v!r}" for name, v in draft.point.items() if name in variable.reads]
    listed = draft.listed(variable)
    reason = draft.breach(variable, listed[-1]) or (
        f"{list(listed)} are the same networks as options of earlier choices; add another option"
    )
    return InvalidSpace(
        f"{space}: every choice needs a valid option, but {variable.name} has none with "
        f"{', '.join(given)}: {reason}"
    )


def _too_intricate(space: str, variable: Variable) -> InvalidSpace:
    return InvalidSpace(
        f"{space}: choices that depend on each other may have at most {MAX_COMBINATIONS} "
        f"combinations of options, but {variable.name} exceeds that; give "
        f"{', '.join(sorted(variable.reads | {variable.name}))} fewer options"
    )
