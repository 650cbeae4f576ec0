"""Plain values checked against a pydantic model; every finding names line, key, value and rule."""

import difflib
import re
import reprlib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bnas.definitions.document import read
from bnas.errors import BnasError

Model = TypeVar("Model", bound=BaseModel)

_MAX_FINDINGS: Final = 8
_SHOULD: Final = "Input should "


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


@dataclass(slots=True)
class _Place:
    """Where a finding is: its dotted key, its line, and the keys allowed beside it."""

    key: str = ""
    line: int | None = None
    siblings: tuple[str, ...] = ()


def _checked(
    value: Any, model: type[Model], error_type: type[BnasError], source: str, root: yaml.Node | None
) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        findings = error.errors(include_url=False)
    lines = list(_messages(findings, value, model, source, root))
    if len(lines) > _MAX_FINDINGS:
        lines[_MAX_FINDINGS:] = [f"{source}: {len(lines) - _MAX_FINDINGS} more findings"]
    raise error_type("\n".join(lines))


def _messages(
    findings: list[ErrorDetails],
    value: Any,
    model: type[BaseModel],
    source: str,
    root: yaml.Node | None,
) -> Iterator[str]:
    """Yield one line a place; what the members of a union demand is joined by "or"."""
    merged: dict[tuple[str, str], tuple[_Place, ErrorDetails]] = {}
    for finding in findings:
        place = _place(finding["loc"], value, model, root)
        is_rule = finding["msg"].startswith(_SHOULD)
        slot = (place.key, "" if is_rule else finding["msg"])
        if is_rule and slot in merged:
            first = merged[slot][1]
            rule = finding["msg"].removeprefix(_SHOULD)
            if rule not in first["msg"]:
                first["msg"] += f" or {rule}"
        else:
            merged[slot] = place, finding
    for place, finding in sorted(merged.values(), key=lambda pair: pair[0].line or 0):
        position = f"{source}:{place.line}" if place.line is not None else source
        yield f"{position}: {_sentence(place, finding)}"


def _sentence(place: _Place, finding: ErrorDetails) -> str:
    key, given = repr(place.key), finding["input"]
    if finding["type"] == "extra_forbidden":
        hint = _suggestion(str(finding["loc"][-1]), place.siblings)
        return f"unknown key {key}{hint}; allowed keys: {', '.join(place.siblings)}"
    if finding["type"] == "missing":
        return f"the key {key} is missing; add it"
    if finding["msg"].startswith(_SHOULD):
        rule = finding["msg"].removeprefix(_SHOULD)
        options = tuple(re.findall(r"'([^']*)'", rule))
        hint = _suggestion(given, options) if isinstance(given, str) else ""
        return f"{key} must {rule}, but got {_shown(given)}{hint}"
    rule = finding["msg"].removeprefix("Value error, ")
    return f"{key}: {rule}" if place.key else rule


def _suggestion(given: str, options: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(given, options, n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _shown(value: object) -> str:
    printer = reprlib.Repr()
    printer.maxstring = printer.maxother = 80
    return printer.repr(value)


def _place(
    loc: tuple[int | str, ...], value: Any, model: type[BaseModel], root: yaml.Node | None
) -> _Place:
    """Follow `loc` through values, nodes and types at once.

    Pydantic puts the tags of unions into `loc` too; they name nothing in the file and are skipped.
    """
    place = _Place(line=_line(root))
    annotations: tuple[Any, ...] = (model,)
    node = root
    for position, piece in enumerate(loc):
        is_last = position == len(loc) - 1
        inside = _contains(value, piece)
        if not inside and not (is_last and isinstance(value, Mapping)):
            annotations = _alternatives(annotations, str(piece))
            continue
        place.siblings = _keys(annotations)
        place.key = _joined(place.key, piece)
        annotations = tuple(_below(annotations, piece))
        if inside:
            value = value[piece]
            node, line = _descend(node, piece)
            place.line = line if line is not None else place.line
    return place


def _contains(value: Any, piece: int | str) -> bool:
    if isinstance(value, Mapping):
        return piece in value
    return isinstance(value, list) and isinstance(piece, int) and piece < len(value)


def _joined(key: str, piece: int | str) -> str:
    if isinstance(piece, int):
        return f"{key}[{piece}]"
    return f"{key}.{piece}" if key else piece


def _line(node: yaml.Node | None) -> int | None:
    return None if node is None else node.start_mark.line + 1


def _descend(node: yaml.Node | None, piece: int | str) -> tuple[yaml.Node | None, int | None]:
    """Return the node below and the line of its key (or, in a list, its own line)."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(piece):
                return value, _line(key)
    if isinstance(node, yaml.SequenceNode) and isinstance(piece, int):
        return node.value[piece], _line(node.value[piece])
    return None, None


def _flat(annotations: tuple[Any, ...]) -> Iterator[Any]:
    """Yield the members of unions and annotated types."""
    for annotation in annotations:
        origin = get_origin(annotation)
        if origin is Annotated:
            yield from _flat(get_args(annotation)[:1])
        elif origin in (Union, types.UnionType):
            yield from _flat(get_args(annotation))
        else:
            yield annotation


def _models(annotations: tuple[Any, ...]) -> Iterator[type[BaseModel]]:
    for annotation in _flat(annotations):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation


def _alternatives(annotations: tuple[Any, ...], tag: str) -> tuple[Any, ...]:
    """Narrow a union to the member that a tag in `loc` names, where one is recognised."""
    named = tuple(
        model
        for model in _models(annotations)
        if model.__name__ == tag
        or any(tag in get_args(info.annotation) for info in model.model_fields.values())
    )
    return named or annotations


def _keys(annotations: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the keys of every model among `annotations`, in the order of their definition."""
    names = (
        info.alias or name
        for model in _models(annotations)
        for name, info in model.model_fields.items()
    )
    return tuple(dict.fromkeys(names))


def _below(annotations: tuple[Any, ...], piece: int | str) -> Iterator[Any]:
    for annotation in _flat(annotations):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, info in annotation.model_fields.items():
                if piece in (name, info.alias):
                    yield info.annotation
        elif arguments := get_args(annotation):
            yield arguments[-1] if arguments[-1] is not Ellipsis else arguments[0]
