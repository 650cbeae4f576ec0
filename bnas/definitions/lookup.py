"""Where the definition file behind a name or a path lies."""

import difflib
import os
from pathlib import Path
from typing import Final, Literal

from bnas.errors import BnasError

Kind = Literal["search_spaces", "evaluators"]

_NOUN: Final[dict[Kind, str]] = {"search_spaces": "search space", "evaluators": "evaluator"}
_SUFFIXES: Final = (".yaml", ".yml")
_PACKAGE: Final = Path(__file__).resolve().parent.parent


def find(kind: Kind, name_or_path: str | os.PathLike[str], error_type: type[BnasError]) -> Path:
    """Return the file of one definition.

    What has a path separator or ends in ``.yaml`` or ``.yml`` is a path. Anything else is a name,
    looked up in the working directory's folder first, then in the checkout's, then in the copy
    that the wheel carries, so that a user's own file wins over a shipped one of the same name.

    Raises:
        error_type: no such file.
    """
    text = os.fspath(name_or_path)
    if _is_path(text):
        if not _is_file(Path(text)):
            raise error_type(f"the {_NOUN[kind]} file must exist, but there is no file {text!r}")
        return Path(text)
    for folder in _folders(kind):
        candidate = folder / f"{text}.yaml"
        if _is_file(candidate):
            return candidate
    raise error_type(_unknown_name(kind, text))


def available(kind: Kind) -> tuple[str, ...]:
    """Return every name that `find` resolves, sorted."""
    return tuple(sorted({file.stem for folder in _folders(kind) for file in folder.glob("*.yaml")}))


def _is_path(text: str) -> bool:
    separators = {os.sep, os.altsep or os.sep}
    return any(separator in text for separator in separators) or text.endswith(_SUFFIXES)


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 (Path.is_file raises for names that are too long)


def _folders(kind: Kind) -> tuple[Path, ...]:
    checkout = _PACKAGE.parent
    # Beside an installed package lie other people's packages, one of them called `evaluators`:
    # only a folder that also holds the project file is the checkout.
    beside = (checkout / kind,) if (checkout / "pyproject.toml").is_file() else ()
    return (Path(kind), *beside, _PACKAGE / kind)


def _unknown_name(kind: Kind, name: str) -> str:
    names = available(kind)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    known = ", ".join(names) if names else "none"
    return f"unknown {_NOUN[kind]} {name!r}; {hint}available: {known}, or give the path of a file"
