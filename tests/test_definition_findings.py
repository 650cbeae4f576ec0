"""Where a finding is told: dataclasses, validators that look below, and keys that are no text."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, model_validator

from bnas.definitions import Findings, load_yaml, validate
from bnas.errors import InvalidSpace


@dataclass(frozen=True, kw_only=True)
class Inner:
    width: int
    depth: int = 1

    __pydantic_config__ = ConfigDict(extra="forbid")


class Outer(BaseModel):
    inner: Inner
    many: tuple[Inner, ...] = ()

    @model_validator(mode="after")
    def _deeper_is_wider(self) -> "Outer":
        found = [
            (("many", index, "width"), f"width must be {one.depth} or more, but got {one.width}")
            for index, one in enumerate(self.many)
            if one.width < one.depth
        ]
        if found:
            raise Findings(found)
        return self


def message(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(InvalidSpace) as caught:
        load_yaml(path, Outer, InvalidSpace)
    return str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "inner:\n  width: 1\n  dept: 2\n",
            "FILE:3: unknown key 'inner.dept', did you mean 'depth'?; allowed keys: width, depth",
        ),
        (
            "inner: {width: 1}\nmany:\n- {}\n",
            "FILE:3: the key 'many[0].width' is missing; add it",
        ),
        (
            "inner: {width: 1}\nmany:\n- 3\n",
            "FILE:3: 'many[0]' must be a group of `key: value`, but got 3",
        ),
        (
            "inner: {width: 1}\nmany:\n- width: 1\n- depth: 2\n  width: 1\n- {width: 2, depth: 3}",
            (
                "FILE:5: 'many[1].width': width must be 2 or more, but got 1\n"
                "FILE:6: 'many[2].width': width must be 3 or more, but got 2"
            ),
        ),
        (
            "inner: {width: 1}\n1: 2\n",
            "FILE:2: a key must be text, but got '1': put it in quotes",
        ),
        (
            "inner: {width: 1}\nyes: 2\ntrue: 1\n",
            "FILE:3: a key must be text, but got 'true': put it in quotes",
        ),
        (
            'inner: {width: "\\ud83d"}\n',
            "FILE:1: an escape must be a whole character, not half of a surrogate pair",
        ),
    ],
)
def test_place_of_a_finding(text: str, expected: str, tmp_path: Path) -> None:
    assert message(tmp_path / "d.yaml", text) == expected


def test_findings_without_a_file() -> None:
    with pytest.raises(InvalidSpace) as caught:
        validate(
            {"inner": {"width": 1}, "many": [{"width": 1, "depth": 2}]},
            Outer,
            InvalidSpace,
            source="given",
        )
    assert str(caught.value) == "given: 'many[0].width': width must be 2 or more, but got 1"
