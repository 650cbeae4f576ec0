"""The resolved configuration of a run: everything that decides what it does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from bnas.definitions import dump_yaml, load_yaml, parse_value, validate
from bnas.errors import InvalidConfiguration
from bnas.evaluation import EvaluatorDefinition, load_evaluator
from bnas.search.settings import SearchSettings
from bnas.space import AnySpace, load_space

_EXAMPLES = {"--set": "evaluator.epochs=3", "--truth": "epochs=40", "--variant": "epochs=3"}


class Configuration(BaseModel):
    """What `config.yaml` of a run holds; `bnas search --config` repeats it.

    Attributes:
        space: The complete search space, not its name.
        evaluator: The complete evaluator.
        search: Budget, sampler, engine, objectives, bounds and seed.
        reference: The worst point that counts for the hypervolume, in the order of the objectives;
            fixed when the run begins, None before.
    """

    space: AnySpace
    evaluator: EvaluatorDefinition
    search: SearchSettings = SearchSettings()
    reference: tuple[float, ...] | None = None

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_yaml(self) -> str:
        """The file's text."""
        data = self.model_dump(mode="json", exclude_none=True, exclude={"space"})
        data["search"] = self.search.saved()
        # Empty and default parts of a choice would bury what it says.
        data["space"] = self.space.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        return dump_yaml(data)

    def with_search(self, changes: Mapping[str, Any]) -> Self:
        """A copy with other search settings.

        Raises:
            InvalidConfiguration: A change is not allowed.
        """
        base = self.search.model_dump(exclude_unset=True)
        search = search_settings(base, changes, threads=self.evaluator.threads)
        return self.model_copy(update={"search": search})


def load_configuration(path: Path) -> Configuration:
    """Reads a configuration file.

    Raises:
        InvalidConfiguration: It is unreadable or wrong; the message names line, key and rule.
    """
    return load_yaml(path, Configuration, InvalidConfiguration)


def resolve(
    *,
    space: str | None = None,
    evaluator: str | None = None,
    base: Configuration | None = None,
    search: Mapping[str, Any] | None = None,
    data: str | None = None,
    assignments: Sequence[str] = (),
) -> Configuration:
    """The configuration that names, options and assignments come to.

    Args:
        space: Name or path of the search space; replaces that of `base`.
        evaluator: Name or path of the evaluator; replaces that of `base`.
        base: What to start from.
        search: Search settings by name, above those of `base`.
        data: Data set or path that the evaluator takes instead of its own.
        assignments: `KEY=VALUE` with a dotted key of the configuration; they win.

    Raises:
        BnasError: Something is unknown or not allowed; the message says what is.
    """
    values = base.model_dump(exclude_unset=True) if base is not None else {}
    values.pop("reference", None)
    if space is not None:
        values["space"] = load_space(space).definition.model_dump(exclude_unset=True)
    if evaluator is not None:
        values["evaluator"] = load_evaluator(evaluator).model_dump()
    for key, remedy in (("space", "--space resnet"), ("evaluator", "--evaluator digits")):
        if key not in values:
            raise InvalidConfiguration(
                f"a search needs its {key}, but none is given; name one, as in `{remedy}` "
                f"(see `bnas {key}s`), or give a whole configuration with --config"
            )
    if data is not None:
        values["evaluator"]["data"] = data
    values["search"] = _with_engine_defaults(values.get("search", {}), search or {})
    for assignment in assignments:
        assign(values, assignment)
    found = validate(values, Configuration, InvalidConfiguration, source="configuration")
    settings = search_settings(values["search"], {}, threads=found.evaluator.threads)
    return found.model_copy(update={"search": settings})


def search_settings(
    base: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    threads: int,
    source: str = "search settings",
) -> SearchSettings:
    """Settings that are changed; another engine brings its own defaults.

    Args:
        base: What to start from, by name.
        changes: What to replace.
        threads: CPU threads of one trial; by default there is a worker for so many CPUs.
        source: What they are, for messages.

    Raises:
        InvalidConfiguration: One is not allowed.
    """
    values = _with_engine_defaults(base, changes)
    found = validate(values, SearchSettings, InvalidConfiguration, source=source)
    if values.get("workers") is not None:
        return found
    return found.model_copy(update={"workers": max(1, found.workers // threads)})


def _with_engine_defaults(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**base, **given}
    if given.get("engine", base.get("engine")) != base.get("engine"):
        # The number of workers, and where they are, were those of another engine.
        for name in {"workers", "address"} - set(given):
            merged.pop(name, None)
    return merged


def assign(values: dict[str, Any], assignment: str, *, option: str = "--set") -> None:
    """Sets a value by its dotted key.

    Args:
        values: What to set it in.
        assignment: As "evaluator.epochs=3".
        option: Where it was given, for messages.

    Raises:
        InvalidConfiguration: It is no assignment, or the key leads through a value.
    """
    key, equals, text = assignment.partition("=")
    if not equals or not key:
        raise InvalidConfiguration(
            f"{option} takes KEY=VALUE, but got {assignment!r}; as in "
            f"`{option} {_EXAMPLES[option]}`"
        )
    *parents, last = key.split(".")
    target = values
    for parent in parents:
        below = target.setdefault(parent, {})
        if not isinstance(below, dict):
            raise InvalidConfiguration(
                f"{option} takes a dotted key of the configuration, but in {key!r} {parent!r} is a "
                "value, not a group of keys; see the config.yaml of a run for what there is"
            )
        target = below
    target[last] = parse_value(text)
