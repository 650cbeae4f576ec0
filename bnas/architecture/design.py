"""Designs: architectures with a name and the images they are meant for, read from files.

The published ones lie in `designs/`, one file each, in the same form that users write.
"""

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from bnas.architecture.canonical import to_dict
from bnas.architecture.form import ArchitectureForm
from bnas.architecture.model import Architecture
from bnas.definitions import load_yaml
from bnas.errors import InvalidArchitecture

_PUBLISHED = Path(__file__).parent / "designs"
_SUFFIXES = (".json", ".yaml", ".yml")

_ImageSize = Annotated[int, Field(ge=1, le=4096, strict=True)]
_Classes = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
_ImageChannels = Annotated[int, Field(ge=1, le=1024, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedFigure:
    """A figure that someone published of a design, or counted.

    Attributes:
        figure: Which one: a cost at the design's own image size, or accuracy in percent.
        value: The figure.
        mark: How far to trust it. V: read in the paper or its code; C: counted by hand; S: another
            author's table; M: remembered, not verified.
        source: Where it is from.
        note: Why it differs from the cost here, or what it is of.
    """

    figure: Literal["ops", "bops", "flops", "ace", "top1"]
    value: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    mark: Literal["V", "C", "S", "M"]
    source: str
    note: str = ""

    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """An architecture and the problem it is made for.

    Attributes:
        name: What the design is called.
        architecture: The network, in canonical form.
        image_size: Height and width of an image in pixels.
        num_classes: Outputs of the classifier.
        in_channels: Channels of an image.
        description: One line on what it is.
        source: Where it is published; empty for a design that was found or written.
        published: Figures of it in papers; none where we know of none.
    """

    name: str
    architecture: Architecture
    image_size: int
    num_classes: int
    in_channels: int = 3
    description: str = ""
    source: str = ""
    published: tuple[PublishedFigure, ...] = ()


class _DesignFile(ArchitectureForm):
    """A design as users write it."""

    name: str = ""
    description: str = ""
    source: str = ""
    image_size: _ImageSize = 224
    num_classes: _Classes = 1000
    in_channels: _ImageChannels = 3
    published: tuple[PublishedFigure, ...] = ()


def published_names() -> tuple[str, ...]:
    """Names of the published designs, sorted."""
    return tuple(sorted(path.stem for path in _PUBLISHED.glob("*.yaml")))


def load_design(name_or_path: str | os.PathLike[str]) -> Design:
    """A published design by name, or the design in a JSON or YAML file.

    Raises:
        InvalidArchitecture: There is no such design, or the file does not describe a valid one;
            the message names file, line, field and rule.
    """
    text = os.fspath(name_or_path)
    if os.sep in text or text.endswith(_SUFFIXES):
        return _read(Path(text))
    names = published_names()
    if text not in names:
        close = difflib.get_close_matches(text, names, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InvalidArchitecture(
            f"unknown design {text!r}; {hint}published designs: {', '.join(names)}; "
            "or give a JSON or YAML file, or RUN/DIGEST"
        )
    return _read(_PUBLISHED / f"{text}.yaml")


def design_to_dict(design: Design) -> dict[str, Any]:
    """The JSON object of a design, which `load_design` reads."""
    return {
        "name": design.name,
        "image_size": design.image_size,
        "num_classes": design.num_classes,
        "in_channels": design.in_channels,
        **to_dict(design.architecture),
    }


def _read(path: Path) -> Design:
    file = load_yaml(path, _DesignFile, InvalidArchitecture)
    return Design(
        name=file.name or path.stem,
        architecture=file.architecture,
        image_size=file.image_size,
        num_classes=file.num_classes,
        in_channels=file.in_channels,
        description=file.description,
        source=file.source,
        published=file.published,
    )
