"""What a measurement of proxies does: the truth, the proxies, the sample, and where it runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bnas.definitions import dump_yaml, load_yaml, validate
from bnas.errors import InvalidConfiguration
from bnas.evaluation import (
    EvaluatorDefinition,
    ZeroCostDefinition,
    load_any_evaluator,
    load_evaluator,
)
from bnas.runs.configuration import assign, search_settings
from bnas.search.settings import SearchSettings
from bnas.space import AnySpace, load_space

# The long training under this name in all tables.
TRUTH: Final = "long"
_TIMES_LONGER: Final = 5
# Of the settings of a search, those that say where and how its trials run.
_USED: Final = {
    *("seed", "bounds", "engine", "workers"),
    *("device", "address", "gpus_per_trial", "checkpoint_s"),
}


class Sample(BaseModel):
    """How much is measured, and what is asked of a proxy.

    Attributes:
        designs: Architectures to train.
        seeds: Long trainings of each; their mean is the truth.
        recommend: Rank correlation that the recommended proxy has at least.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    designs: int = Field(default=12, ge=4, le=10_000)
    seeds: int = Field(default=2, ge=1, le=100)
    recommend: float = Field(default=0.8, gt=0, lt=1)


class Plan(BaseModel):
    """What `config.yaml` of a measurement holds.

    Attributes:
        sample: Architectures and seeds.
        space: The complete search space.
        truth: The evaluator with its long training.
        proxies: Other trainings by name, the evaluator's own first.
        scores: Zero-cost scores by name of their evaluator.
        search: Seed, bounds, engine and device; what else a search has does not matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample: Sample
    space: AnySpace
    truth: EvaluatorDefinition
    proxies: Mapping[str, EvaluatorDefinition]
    scores: Mapping[str, ZeroCostDefinition]
    search: SearchSettings = SearchSettings()

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        names = [TRUTH, *self.proxies, *(n for d in self.scores.values() for n in d.scores)]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(_shared(twice[0]))
        return self

    @property
    def trainings(self) -> dict[str, EvaluatorDefinition]:
        """Everything that trains, by name, the truth first."""
        return {TRUTH: self.truth, **self.proxies}

    def to_yaml(self) -> str:
        """The file's text."""
        data = self.model_dump(mode="json", exclude_none=True, exclude={"space", "search"})
        data["search"] = self.search.saved(_USED)
        data["space"] = self.space.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        return dump_yaml(data)

    def with_search(self, changes: Mapping[str, Any]) -> Self:
        """A copy that runs elsewhere or otherwise.

        Raises:
            InvalidConfiguration: A change is not allowed.
        """
        base, threads = self.search.model_dump(include=_USED), self.truth.threads
        search = search_settings(base, changes, threads=threads, source="settings")
        return self.model_copy(update={"search": search})


def load_plan(path: Path) -> Plan:
    """Reads the configuration of a measurement.

    Raises:
        InvalidConfiguration: It is unreadable or wrong.
    """
    return load_yaml(path, Plan, InvalidConfiguration)


def resolve(
    *,
    space: str,
    evaluator: str,
    truth: str | None = None,
    variants: Sequence[str] = (),
    proxies: Sequence[str] = (),
    sample: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
    data: str | None = None,
) -> Plan:
    """The plan that names and options come to.

    Args:
        space: Name or path of the search space.
        evaluator: Name or path of the evaluator, whose own training is the first proxy.
        truth: The evaluator with other settings, as "epochs=40,subset=null", trains the truth; its
            epochs are five times as many unless they are said.
        variants: More proxies, said in the same way.
        proxies: More proxies, names or paths of evaluators of any kind.
        sample: Fields of `Sample`.
        search: Fields of `bnas.search.settings.SearchSettings`.
        data: Data set that all trainings take instead of their own.

    Raises:
        BnasError: Something is unknown or not allowed; the message says what is.
    """
    own = load_evaluator(evaluator)
    if data is not None:
        own = _changed(own, {"data": data}, f"--data {data}")
    trainings = {own.name: own} | {text: _variant(own, text, "--variant") for text in variants}
    scores: dict[str, ZeroCostDefinition] = {}
    for found in map(load_any_evaluator, proxies):
        if found.name in trainings or found.name in scores:
            raise InvalidConfiguration(f"fidelity: {_shared(found.name)}")
        if isinstance(found, ZeroCostDefinition):
            scores[found.name] = found
        else:
            change = {} if data is None else {"data": data}
            trainings[found.name] = _changed(found, change, f"--data {data}")
    long = own.model_copy(update={"epochs": _TIMES_LONGER * own.epochs, "rungs": None})
    if truth is not None:
        long = _variant(long, truth, "--truth")
    values = {
        "sample": sample or {},
        "space": load_space(space).definition.model_dump(exclude_unset=True),
        "truth": long.model_dump(),
        "proxies": {n: d.model_dump() for n, d in trainings.items() if not _equal(d, long)},
        "scores": {name: definition.model_dump() for name, definition in scores.items()},
        "search": search or {},
    }
    plan = validate(values, Plan, InvalidConfiguration, source="fidelity")
    settings = search_settings(search or {}, {}, threads=long.threads, source="settings")
    return plan.model_copy(update={"search": settings})


def _shared(name: str) -> str:
    return (
        f"every proxy must have a name of its own, but {name!r} is one of several; leave one out "
        "or rename its evaluator"
    )


def _variant(own: EvaluatorDefinition, text: str, option: str) -> EvaluatorDefinition:
    values = own.model_dump()
    for assignment in text.split(","):
        assign(values, assignment.strip(), option=option)
    return validate(values, EvaluatorDefinition, InvalidConfiguration, source=f"{option} {text}")


def _changed(
    definition: EvaluatorDefinition, changes: Mapping[str, Any], source: str
) -> EvaluatorDefinition:
    values = {**definition.model_dump(), **changes}
    return validate(values, EvaluatorDefinition, InvalidConfiguration, source=source)


def _equal(one: EvaluatorDefinition, other: EvaluatorDefinition) -> bool:
    """Whether two trainings are the same one."""
    ignored = {"name", "description", "rungs"}
    return one.model_dump(exclude=ignored) == other.model_dump(exclude=ignored)
