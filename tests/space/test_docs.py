"""The guide to search spaces says what the code does."""

import re
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest

from bnas.space import Choice, Choices
from bnas.space.choices import MAX_OPTIONS, default_option
from bnas.space.counting import MAX_COMBINATIONS
from bnas.space.dependencies import CONDITION_OF, NETWORK_ONLY


@pytest.fixture(scope="module")
def guide(repository: Path) -> str:
    return (repository / "docs" / "search-spaces.md").read_text()


@pytest.fixture(scope="module")
def rows(guide: str) -> dict[str, list[str]]:
    """The cells of the table of choices by name."""
    table = [line.strip("| ").split(" | ") for line in guide.splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row[1:] for row in table}


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def option_type(name: str) -> Any:
    """The type of the options of a choice."""
    annotation = Choices.model_fields[name].annotation
    for member in (annotation, *get_args(annotation)):
        if isinstance(member, type) and issubclass(member, Choice):
            (options,) = get_args(member.model_fields["options"].annotation)[:1]
            return options
    raise AssertionError(name)


def literals(annotation: Any) -> list[str]:
    if annotation is bool:
        return ["true", "false"]
    if get_origin(annotation) is Annotated:
        return literals(get_args(annotation)[0])
    arguments = get_args(annotation)
    if not arguments:
        return []
    return [
        word
        for argument in arguments
        for word in ([argument] if isinstance(argument, str) else literals(argument))
    ]


def bounds(annotation: Any) -> list[float]:
    """The limits that the type of a number states."""
    found = [value for limit in getattr(annotation, "__metadata__", ()) for value in limits(limit)]
    return found + [value for inner in get_args(annotation) for value in bounds(inner)]


def limits(field: Any) -> list[float]:
    return [
        value
        for constraint in getattr(field, "metadata", [])
        for name in ("gt", "ge", "le")
        if (value := getattr(constraint, name, None)) is not None
    ]


def test_the_table_has_every_choice_in_order(rows: dict[str, list[str]]) -> None:
    assert list(rows) == list(Choices.model_fields)


@pytest.mark.parametrize("name", Choices.model_fields)
def test_the_table_has_options_default_and_scope(name: str, rows: dict[str, list[str]]) -> None:
    options, default, scope, effect, source = rows[name]
    assert words(options) == literals(option_type(name))
    for bound in bounds(option_type(name)):
        assert re.search(rf"\b{bound:g}\b", options), f"{name}: {bound} is not in {options!r}"
    value = default_option(name)
    assert words(default) == ([] if value is None else [str(value).replace("False", "false")])
    assert scope == ("network" if name in NETWORK_ONLY else "network, stage")
    assert (effect == "always") == (name not in CONDITION_OF)
    assert source


def test_the_example_loads_and_has_the_stated_size(guide: str, load: Any) -> None:
    example, several = re.findall(r"```yaml\n(.*?)```", guide, flags=re.DOTALL)
    assert load(f"name: two\ndescription: ''\n{several}").size() == 2 * 2 + 2 * 2 * 2
    (stated,) = re.findall(r"It has (\d+) architectures", guide)
    space = load(example)
    assert space.size() == int(stated)
    assert [name for name, _ in space.first_candidates] == ["plain"]


def test_the_stated_limits(guide: str) -> None:
    assert f"more than {MAX_COMBINATIONS} combinations" in guide
    assert f"(at most {MAX_OPTIONS})" in guide
