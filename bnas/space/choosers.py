"""Ways to choose among the options of a decision."""

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Literal, TypeAlias

import numpy as np

from bnas.errors import InvalidSpace
from bnas.space.choices import Option, option_like

Chooser: TypeAlias = Callable[[str, tuple[Option, ...]], Option]


def uniform(rng: np.random.Generator) -> Chooser:
    """Draws every option with the same probability."""

    def choose(_: str, options: tuple[Option, ...]) -> Option:
        # A tenth of the time of `rng.choice`; there are too few options for the bias to show.
        return options[int(rng.random() * len(options))]

    return choose


def preferring(wanted: Mapping[str, Option]) -> Chooser:
    """Takes what is wanted wherever that is an option, else the first option."""

    def choose(name: str, options: tuple[Option, ...]) -> Option:
        option = wanted.get(name, options[0])
        return option if option in options else options[0]

    return choose


class Stated:
    """Takes what is stated for a decision, or for a choice in all stages.

    Args:
        options: Option by name, as "stage2.groups", or "groups" for all stages.
        what: What they describe, for messages.
        open_ones: Whether decisions without a stated option take the first, or are an error.
    """

    def __init__(
        self, options: Mapping[str, Option], what: str, *, open_ones: Literal["first", "missing"]
    ) -> None:
        self._stated = options
        self._what = what
        self._takes_first = open_ones == "first"
        self._used: set[str] = set()

    def __call__(self, name: str, options: tuple[Option, ...]) -> Option:
        """The stated option; an error if it is not among those given."""
        field = name.rsplit(".", maxsplit=1)[-1]
        key = name if name in self._stated else field
        if key not in self._stated:
            if self._takes_first:
                return options[0]
            raise InvalidSpace(f"{self._what} must have {name}, one of {list(options)}; add it")
        self._used.add(key)
        option = option_like(self._stated[key], options)
        if option is None:
            raise InvalidSpace(
                f"{self._what}: {name} must be one of {list(options)}, "
                f"but got {self._stated[key]!r}"
            )
        return option

    def check_all_used(self, names: Collection[str]) -> None:
        """Refuses what was not asked for; `names` are those of all decisions of the space."""
        known = list(dict.fromkeys(name.rsplit(".", maxsplit=1)[-1] for name in names))
        for key in self._stated.keys() - self._used:
            if key in known or key in names:
                raise InvalidSpace(
                    f"{self._what}: {key} has no effect together with the others; remove it"
                )
            close = difflib.get_close_matches(key, [*known, *names], n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise InvalidSpace(
                f"{self._what}: unknown choice {key!r}{hint}; choices: {', '.join(known)}"
            )
