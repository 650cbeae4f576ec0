"""Choices of several designs side by side: what they share and where they differ."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnas.search.trials import TrialRecord
    from bnas.space import Option

CLOSED = "-"
_OF_A_STAGE = re.compile(r"stage(\d+)\.(.+)")


def option_text(option: "Option") -> str:
    """An option as a search-space file writes it."""
    if isinstance(option, bool):
        return str(option).lower()
    return f"{option:g}" if isinstance(option, float) else str(option)


def joined(choices: Mapping[str, "Option"]) -> dict[str, str]:
    """Choices with those of the stages in one text each, in the order of the first stage.

    `{"stage1.groups": 1, "stage2.groups": 4}` becomes `{"groups": "1/4"}`, or `"4"` where all
    stages agree; a stage in which the choice is not open has a dash.
    """
    stages: dict[str, dict[int, str]] = {}
    texts: dict[str, str] = {}
    for name, option in choices.items():
        match = _OF_A_STAGE.fullmatch(name)
        if match is None:
            texts[name] = option_text(option)
        else:
            texts.setdefault(match[2], "")
            stages.setdefault(match[2], {})[int(match[1])] = option_text(option)
    num_stages = max((max(of_stage) for of_stage in stages.values()), default=0)
    for name, of_stage in stages.items():
        row = [of_stage.get(number, CLOSED) for number in range(1, num_stages + 1)]
        texts[name] = row[0] if len(set(row)) == 1 else "/".join(row)
    return texts


def differing(records: Sequence["TrialRecord"]) -> tuple[str, ...]:
    """Names of the choices that the designs do not all make alike."""
    rows = [joined(record.choices) for record in records]
    return tuple(name for name in _names(rows) if len({row.get(name) for row in rows}) > 1)


def shared(records: Sequence["TrialRecord"]) -> dict[str, str]:
    """The choices that all designs make alike."""
    rows = [joined(record.choices) for record in records]
    return {name: rows[0][name] for name in _names(rows) if len({r.get(name) for r in rows}) == 1}


def _names(rows: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Every name once; one that the first rows lack stands where the later ones have it."""
    names: list[str] = []
    for row in rows:
        place = 0
        for name in row:
            if name in names:
                place = names.index(name) + 1
            else:
                names.insert(place, name)
                place += 1
    return tuple(names)
