"""Where in a file a finding of pydantic is: its key, its line, and the keys allowed beside it."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import yaml
from pydantic import BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place.

    Attributes:
        key: Its dotted key, as in `stages[1].width`; empty for the whole.
        line: Its line, counted from 1; None where there is no file.
        siblings: The keys that are allowed in the mapping that holds it.
    """

    key: str = ""
    line: int | None = None
    siblings: tuple[str, ...] = ()


def locate(
    loc: tuple[int | str, ...], value: Any, model: type[BaseModel], root: yaml.Node | None
) -> Place:
    """Follow a `loc` of pydantic through values, nodes and types at once.

    Pydantic puts the tags of unions into `loc` too; they name nothing in the file and are skipped.
    """
    key, line = "", _line(root)
    siblings: tuple[str, ...] = ()
    annotations: tuple[Any, ...] = (model,)
    node = root
    for position, piece in enumerate(loc):
        is_last = position == len(loc) - 1
        inside = _contains(value, piece)
        if not inside and not (is_last and isinstance(value, Mapping)):
            annotations = _alternatives(annotations, str(piece))
            continue
        siblings = tuple(dict.fromkeys(name for name, _ in _fields(annotations)))
        key = _joined(key, piece)
        annotations = tuple(_below(annotations, piece))
        if inside:
            value = value[piece]
            node, own_line = _descend(node, piece)
            line = own_line if own_line is not None else line
    return Place(key=key, line=line, siblings=siblings)


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


def _fields(annotations: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Yield key and type of every field of the models and dataclasses among `annotations`."""
    for annotation in _flat(annotations):
        if not isinstance(annotation, type):
            continue
        if issubclass(annotation, BaseModel):
            for name, info in annotation.model_fields.items():
                yield info.alias or name, info.annotation
        elif is_dataclass(annotation):
            yield from get_type_hints(annotation, include_extras=True).items()


def _alternatives(annotations: tuple[Any, ...], tag: str) -> tuple[Any, ...]:
    """Narrow a union to the member that a tag in `loc` names, where one is recognised."""
    named = tuple(
        annotation
        for annotation in _flat(annotations)
        if getattr(annotation, "__name__", None) == tag
        or any(tag in get_args(inner) for _, inner in _fields((annotation,)))
    )
    return named or annotations


def _below(annotations: tuple[Any, ...], piece: int | str) -> Iterator[Any]:
    for annotation in _flat(annotations):
        fields = list(_fields((annotation,)))
        yield from (inner for name, inner in fields if name == piece)
        if not fields and (arguments := get_args(annotation)):
            yield arguments[-1] if arguments[-1] is not Ellipsis else arguments[0]
