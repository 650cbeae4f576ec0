"""Architectures as files and JSON objects hold them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator

from bnas.architecture.canonical import canonical, stated
from bnas.architecture.model import MAX_STAGES, Architecture, Head, Skeleton, Stage, Stem, Unit
from bnas.architecture.validity import problems
from bnas.definitions import Findings, validate
from bnas.errors import InvalidArchitecture


class ArchitectureForm(BaseModel):
    """An architecture as it is written; `unit` is what the units of all stages have in common."""

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    skeleton: Skeleton
    stem: Stem
    unit: Unit = Unit()
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MAX_STAGES)]
    head: Head = Head()

    model_config = ConfigDict(extra="forbid")

    @property
    def architecture(self) -> Architecture:
        """The architecture in canonical form."""
        return canonical(
            Architecture(
                skeleton=self.skeleton, stem=self.stem, stages=self.stages, head=self.head
            ),
        )

    @model_validator(mode="wrap")
    @classmethod
    def _complete(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Reads what is written, so that findings are where it is written; then merges `unit`."""
        form = handler(data)
        if data.get("unit"):
            form = handler({**data, "stages": [*_with_shared_unit(data)]})
        findings = [_finding(p.path, p.message, data) for p in problems(form.architecture)]
        if findings:
            raise Findings(findings)
        return form


def _with_shared_unit(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for stage in data["stages"]:
        yield {**stage, "unit": {**data["unit"], **stage.get("unit", {})}}


def _finding(
    path: tuple[int | str, ...], message: str, data: Mapping[str, Any]
) -> tuple[tuple[int | str, ...], str]:
    """A broken rule at the place where its field is written, a stage or the shared unit."""
    if path[0] != "stages":
        return path, message
    _, stage, *rest = path
    field = rest[-1]
    is_shared = rest[0] == "unit" and field not in data["stages"][stage].get("unit", {})
    if is_shared and field in data.get("unit", {}):
        return ("unit", field), f"in stages[{stage}], {message}"
    return path, message


def from_dict(data: Mapping[str, Any]) -> Architecture:
    """Reads what `to_dict` writes, into canonical form.

    Raises:
        InvalidArchitecture: The data has a wrong field or breaks a validity rule; the message
            gives the key, its value and the rule.
    """
    form = validate(data, ArchitectureForm, InvalidArchitecture, source="architecture")
    return form.architecture


def valid(architecture: Architecture) -> Architecture:
    """The canonical form of an architecture that is made in Python, all of it checked.

    Raises:
        InvalidArchitecture: As `from_dict`.
    """
    return from_dict(stated(architecture))
