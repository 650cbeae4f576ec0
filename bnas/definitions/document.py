"""YAML text as plain values, together with the line on which each of them stands.

The dialect is the part of YAML 1.2 that definitions need: mappings, lists, strings, numbers,
``true``/``false`` and ``null``. PyYAML's own rules are those of YAML 1.1, which read ``no`` as
false, ``1:30`` as 90 and ``1e-3`` as a string. Tags, anchors and aliases are refused, and size and
depth are bounded, so that no file can make reading it slow or large.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bnas.errors import BnasError

MAX_BYTES: Final = 200_000
MAX_DEPTH: Final = 20
_LINE_LETTERS: Final = 100
_TEXT: Final = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML file: its value (dict, list, str, int, float, bool, None) and its node tree."""

    path: Path
    value: Any
    root: yaml.Node


class _Loader(yaml.SafeLoader):
    """Composes one document of the dialect above; anything else is a `MarkedYAMLError`."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self._refuse_references(event)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _problem(f"at most {MAX_DEPTH} levels of nesting are allowed", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    @staticmethod
    def _refuse_references(event: yaml.Event) -> None:
        if getattr(event, "anchor", None) is not None:
            raise _problem("anchors and aliases (& and *) are not allowed: repeat the value", event)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _problem(f"tags are not allowed: remove {tag!r}", event)


def _unicode(_: _Loader, node: yaml.ScalarNode) -> str:
    """Text in which the two halves that JSON escapes a rare character as are one again."""
    try:
        text: str = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        problem = "an escape must be a whole character, not half of a surrogate pair"
        raise _problem(problem, node) from None
    return text


_Loader.add_constructor(_TEXT, _unicode)


def _resolve(kind: str, pattern: str, *first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list(first))


_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", *"tTfF")
_resolve("null", r"^(?:~|null|Null|NULL|)$", *"~nN", "")
# More than 18 digits stay a string, which the model then refuses: Python bounds int() of a text.
_resolve("int", r"^[-+]?(?:0|[1-9][0-9]{0,17})$", *"-+0123456789")
_resolve(
    "float",
    r"^[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$",
    *"-+0123456789.",
)


def read(path: Path, error_type: type[BnasError]) -> Document:
    """Read one YAML file whose top level is a mapping.

    Raises:
        error_type: unreadable, not UTF-8, too large, not of the dialect above, or a key twice.
    """
    text = _text(path, error_type)
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise error_type(f"{path}: a definition must have at least one key, but it is empty")
        _refuse_duplicates(root)
        value = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        raise error_type(_syntax_message(path, error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise error_type(
            f"{path}:{line}: the character {chr(error.character)!r} is not allowed in YAML; "
            "remove it"
        ) from None
    if not isinstance(value, dict):
        raise error_type(
            f"{path}: the top level must be `key: value` lines, but it is a {type(value).__name__}"
        )
    return Document(path=path, value=value, root=root)


def parse_value(text: str) -> Any:
    """Read one value as it would be read in a file; what is no YAML is the text itself."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return text if node is None else loader.construct_document(node)
    except yaml.YAMLError:
        return text


def dump_yaml(value: Any) -> str:
    """A mapping as the text of a file that `read` takes for the same."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=_LINE_LETTERS
    )


class _Dumper(yaml.SafeDumper):
    """Quotes text that would be read as another value."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML 1.1 takes 12e5 for text, and a digest may look like that.
    style = None if parse_value(text) == text else "'"
    return dumper.represent_scalar(_TEXT, text, style=style)


_Dumper.add_representer(str, _quoted)


def _text(path: Path, error_type: type[BnasError]) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise error_type(
            f"{path}: the file must be readable, but {os.strerror(error.errno or 0)}; correct the "
            "path or its permissions"
        ) from error
    except ValueError as error:
        raise error_type(
            f"a path must be one that a file can have, but got {str(path)!r}"
        ) from error
    if len(content) > MAX_BYTES:
        raise error_type(f"{path}: a definition has at most {MAX_BYTES} bytes; shorten the file")
    # JSON may be indented with tabs, which YAML does not allow; within strings JSON has none.
    tab = b" " if path.suffix == ".json" else b"\t"
    try:
        return content.replace(b"\t", tab).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise error_type(
            f"{path}:{line}: the file must be UTF-8 text, but has the byte "
            f"0x{content[error.start]:02x}; save it as UTF-8"
        ) from None


def _refuse_duplicates(node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _problem("a key must be a single word or text", key)
            if key.tag != _TEXT:
                raise _problem(f"a key must be text, but got {key.value!r}: put it in quotes", key)
            if key.value in seen:
                raise _problem(f"the key {key.value!r} occurs twice; remove one of them", key)
            seen.add(key.value)
            _refuse_duplicates(value)


def _problem(text: str, place: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=place.start_mark)


def _syntax_message(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = f":{mark.line + 1}" if mark is not None else ""
    context = f"{error.context}: " if error.context else ""
    return f"{path}{line}: {context}{error.problem or 'not valid YAML'}"
