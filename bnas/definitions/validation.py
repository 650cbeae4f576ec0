"""Plain values checked against a pydantic model; every finding names line, key, value and rule."""

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bnas.definitions.document import read
from bnas.definitions.place import Place, locate
from bnas.errors import BnasError

Model = TypeVar("Model", bound=BaseModel)

_MAX_FINDINGS: Final = 8
_SHOULD: Final = "Input should "
_PLAIN: Final = (
    (re.compile(r"^(Tuple|List) should (.*) after validation, not (\d+)$"), r"Input should \2"),
    (re.compile(r"a valid (tuple|list)"), "a list"),
    (re.compile(r"a (valid )?dictionary( or (an )?instance of \w+)?"), "a group of `key: value`"),
)


class Findings(ValueError):
    """What a validator finds wrong below the value that it checks, each at its own place."""

    def __init__(self, findings: Iterable[tuple[tuple[int | str, ...], str]]) -> None:
        """Takes pairs: the path from the checked value, and the rule, the value and the remedy."""
        self.found = tuple(findings)
        super().__init__("; ".join(message for _, message in self.found))


def load_yaml(path: Path, model: type[Model], error_type: type[BnasError]) -> Model:
    """Read a YAML file as a `model`.

    Raises:
        error_type: one message with every finding on a line of its own, each as
            ``FILE:LINE: KEY must RULE, but got VALUE`` (lines count from 1).
    """
    document = read(path, error_type)
    return _checked(document.value, model, error_type, str(path), document.root)


def validate(
    value: Mapping[str, Any], model: type[Model], error_type: type[BnasError], *, source: str
) -> Model:
    """Check values that do not come from a file; `source` names their origin in messages.

    Raises:
        error_type: as `load_yaml`, with `source` in place of file and line.
    """
    return _checked(value, model, error_type, source, None)


@dataclass(slots=True, kw_only=True)
class _Finding:
    kind: str
    place: Place
    message: str
    given: object


def _checked(
    value: Any, model: type[Model], error_type: type[BnasError], source: str, root: yaml.Node | None
) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = _without_echoes(error.errors(include_url=False))
    findings = [
        _Finding(
            kind=detail["type"],
            place=locate(loc, value, model, root),
            message=message,
            given=detail["input"],
        )
        for detail in details
        for loc, message in _spread(detail)
    ]
    lines = list(_lines(findings, source))
    if len(lines) > _MAX_FINDINGS:
        lines[_MAX_FINDINGS:] = [f"{source}: {len(lines) - _MAX_FINDINGS} more findings"]
    raise error_type("\n".join(lines))


def _without_echoes(details: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Leave out that a list is too short where that is so only because its items are wrong."""
    for detail in details:
        depth = len(detail["loc"])
        below = any(d["loc"][:depth] == detail["loc"] and len(d["loc"]) > depth for d in details)
        if detail["type"] != "too_short" or not below:
            yield detail


def _spread(detail: ErrorDetails) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield place and message, or those of each of several `Findings`."""
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, Findings):
        for path, message in cause.found:
            yield (*detail["loc"], *path), message
    else:
        message = detail["msg"].removeprefix("Value error, ")
        for pattern, plain in _PLAIN:
            message = pattern.sub(plain, message)
        yield detail["loc"], message


def _lines(findings: list[_Finding], source: str) -> Iterator[str]:
    """Yield one line a place; what the members of a union demand is joined by "or"."""
    merged: dict[tuple[str, str], _Finding] = {}
    for finding in findings:
        is_rule = finding.message.startswith(_SHOULD)
        slot = (finding.place.key, "" if is_rule else finding.message)
        first = merged.setdefault(slot, finding)
        rule = finding.message.removeprefix(_SHOULD)
        if rule not in first.message:
            first.message += f" or {rule}"
    for finding in sorted(merged.values(), key=lambda finding: finding.place.line or 0):
        line = finding.place.line
        yield (
            f"{source}:{line}: {_sentence(finding)}" if line else f"{source}: {_sentence(finding)}"
        )


def _sentence(finding: _Finding) -> str:
    place, message = finding.place, finding.message
    key = repr(place.key) if place.key else "the value"
    if finding.kind in ("extra_forbidden", "unexpected_keyword_argument"):
        hint = _suggestion(re.split(r"[.]", place.key)[-1], place.siblings)
        return f"unknown key {key}{hint}; allowed keys: {', '.join(place.siblings)}"
    if finding.kind.startswith("missing"):
        return f"the key {key} is missing; add it"
    if message.startswith(_SHOULD):
        rule = message.removeprefix(_SHOULD)
        options = tuple(re.findall(r"'([^']*)'", rule))
        hint = _suggestion(finding.given, options) if isinstance(finding.given, str) else ""
        return f"{key} must {rule}, but got {_shown(finding.given)}{hint}"
    return f"{key}: {message}" if place.key else message


def _suggestion(given: str, options: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(given, options, n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _shown(value: object) -> str:
    printer = reprlib.Repr()
    printer.maxstring = printer.maxother = 80
    return printer.repr(value)
