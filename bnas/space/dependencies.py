"""Which choices a choice depends on, and what that demands of their scopes and order."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from bnas.architecture.validity import CONDITIONS, EQUIVALENCES, Condition, Equivalence
from bnas.space.choices import Choice, Choices, Scope, default_option, option_like

Complaint: TypeAlias = tuple[tuple[int | str, ...], str]

_HIDDEN_WIDTH = Condition(
    field="hidden_width",
    reads=("hidden_layers",),
    holds=lambda f: f["hidden_layers"] > 0,
    default=1024,
)
CONDITION_OF: Final[dict[str, Condition]] = {c.field: c for c in (*CONDITIONS, _HIDDEN_WIDTH)}
CHANNELS: Final = {"in_channels", "out_channels"}
HEAD: Final = ("head_pooling", "hidden_layers", "hidden_width")
NETWORK_ONLY: Final = ("stem", "stem_bits", "num_stages", "width", *HEAD)
_NO_CHOICES: Final = {"skeleton"}


def effective_scopes(choices: Choices) -> dict[str, Scope]:
    """The scope of every choice; one with nothing to choose takes that of what it depends on."""
    scopes: dict[str, Scope] = {}
    for name, choice in choices.named().items():
        if name in NETWORK_ONLY:
            scopes[name] = "network"
            continue
        scopes[name] = choice.scope
        if choice.is_fixed and any(scopes.get(other) == "stage" for other in _reads(choices, name)):
            scopes[name] = "stage"
    return scopes


def complaints(choices: Choices) -> Iterator[Complaint]:
    """What is wrong with scopes and `when`: path from the choices, and message."""
    scopes = effective_scopes(choices)
    for name, choice in choices.named().items():
        if name in NETWORK_ONLY and choice.scope == "stage":
            yield (name, "scope"), f"{name} is a choice of the network; remove `scope: stage`"
        elif choice.when:
            yield from _about_when(choices, name, scopes)
        if scopes[name] == "network":
            yield from _about_scope(choices, name, scopes)
    yield from _about_overlaps(choices, scopes)


def _reads(choices: Choices, name: str) -> set[str]:
    """Choices that decide whether one is open, and which of its options are alike."""
    choice = choices.named()[name]
    fields = set(choice.when)
    if name in CONDITION_OF:
        fields |= set(CONDITION_OF[name].reads)
    for equivalence in equivalences_of(name, choice):
        fields |= {*equivalence.reads, *equivalence.written}
    return channels_as_choices(fields) - {name}


def equivalences_of(name: str, choice: Choice[Any]) -> tuple[Equivalence, ...]:
    """Those that may make an option of a choice the same network as another option."""
    return tuple(
        equivalence
        for equivalence in EQUIVALENCES
        if equivalence.field == name
        and equivalence.written[name] in choice.options
        and (len(choice.options) > 1 or len(equivalence.written) > 1)
    )


def channels_as_choices(fields: Iterable[str]) -> set[str]:
    """The choices that decide the fields: for a number of channels, those of the widths."""
    found = set(fields) - _NO_CHOICES
    return (found - CHANNELS) | {"width", "width_factor"} if found & CHANNELS else found


def _about_when(choices: Choices, name: str, scopes: dict[str, Scope]) -> Iterator[Complaint]:
    if default_option(name) is None:
        yield (name, "when"), f"every network needs a {name}, so it cannot be closed; remove `when`"
        return
    named = choices.named()
    order = sorted(named, key=lambda other: scopes[other] == "stage")
    before = order[: order.index(name)]
    if scopes[name] == "network":
        # Those of the stages come after, but the message for them is about the scope.
        before += [other for other in named if scopes[other] == "stage"]
    for other, options in named[name].when.items():
        place = (name, "when", other)
        if other not in before:
            message = (
                f"`when` must name a choice that is made before {name}, but got {other!r}"
                f"{_hint(other, before)}; made before it: {', '.join(before) or 'none'}"
            )
            yield place, message
            continue
        allowed = named[other].options
        for option in options:
            if option_like(option, allowed) is None:
                message = (
                    f"`when` must name options of {other}, {list(allowed)}, but got {option!r}"
                    f"{_hint(str(option), [str(one) for one in allowed])}"
                )
                yield place, message


def _about_scope(choices: Choices, name: str, scopes: dict[str, Scope]) -> Iterator[Complaint]:
    narrower = sorted(other for other in _reads(choices, name) if scopes.get(other) == "stage")
    if narrower:
        remedy = "add `scope: stage` to it"
        if name in NETWORK_ONLY:
            remedy = f"remove `scope: stage` from {narrower[0]}, or the `when`"
        message = (
            f"{name} depends on {narrower[0]}, which is chosen for each stage, but has the scope "
            f"'network'; {remedy}"
        )
        yield (name,), message


def _about_overlaps(choices: Choices, scopes: dict[str, Scope]) -> Iterator[Complaint]:
    """Two choices that can write one network: a stage that takes one must be able to take both."""
    named = choices.named()
    for equivalence in EQUIVALENCES:
        name, option = equivalence.field, equivalence.written[equivalence.field]
        for other in equivalence.equals.keys() - {name}:
            both = {equivalence.written[other], equivalence.equals[other]}
            overlap = both <= set(named[other].options) and option in named[name].options
            if overlap and (scopes[other], scopes[name]) == ("network", "stage"):
                message = (
                    f"{other}={equivalence.equals[other]!r} and {name}={option!r} can be the same "
                    f"network, so both need the same scope, but {other} has 'network' and {name} "
                    f"'stage'; add `scope: stage` to {other}"
                )
                yield (other,), message


def _hint(given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(given, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
