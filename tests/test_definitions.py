"""Looking up, reading and checking definition files."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from bnas.definitions import available, dump_yaml, find, load_yaml, parse_value, validate
from bnas.errors import InvalidEvaluator, InvalidSpace


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recipe(Strict):
    optimizer: Literal["adam", "sgd"] = "adam"
    rate: float = Field(gt=0)


class Option(Strict):
    kind: Literal["option"]
    values: tuple[str | int, ...]


class Range(Strict):
    kind: Literal["range"]
    low: int


class Definition(Strict):
    name: str
    epochs: int = Field(default=3, ge=1)
    recipe: Recipe
    choices: dict[str, Annotated[Option | Range, Field(discriminator="kind")]] = {}

    @field_validator("name")
    @classmethod
    def _word(cls, value: str, info: ValidationInfo) -> str:
        if " " in value:
            raise ValueError(f"{info.field_name} must be one word, but is {value!r}; use a dash")
        return value


GOOD = """\
# a comment
name: small
recipe:
  rate: 1e-3
choices:
  groups: {kind: option, values: [1, no]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "d.yaml"


def load(file: Path, text: str | bytes) -> Definition:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_yaml(file, Definition, InvalidSpace)


def message(file: Path, text: str | bytes) -> str:
    with pytest.raises(InvalidSpace) as caught:
        load(file, text)
    return str(caught.value).replace(str(file), "FILE")


def test_loads(file: Path) -> None:
    loaded = load(file, GOOD)
    assert loaded.recipe.rate == 0.001
    assert loaded.choices["groups"] == Option(kind="option", values=(1, "no"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  rate: 1e-3",
            "  rate: 1e-3\n  optimiser: adam",
            (
                "FILE:5: unknown key 'recipe.optimiser', did you mean 'optimizer'?; "
                "allowed keys: optimizer, rate"
            ),
        ),
        (
            "rate: 1e-3",
            "rate: -1",
            "FILE:4: 'recipe.rate' must be greater than 0, but got -1",
        ),
        (
            "rate: 1e-3",
            "rate: 1\n  optimizer: adams",
            (
                "FILE:5: 'recipe.optimizer' must be 'adam' or 'sgd', but got 'adams', "
                "did you mean 'adam'?"
            ),
        ),
        ("  rate: 1e-3", "  optimizer: sgd", "FILE:3: the key 'recipe.rate' is missing; add it"),
        ("name: small\n", "", "FILE:2: the key 'name' is missing; add it"),
        (
            "name: small",
            "name: very small",
            "FILE:2: 'name': name must be one word, but is 'very small'; use a dash",
        ),
        (
            "values: [1, no]",
            "values: [1,\n   2.5]",
            (
                "FILE:7: 'choices.groups.values[1]' must be a valid string or "
                "be a valid integer, got a number with a fractional part, but got 2.5"
            ),
        ),
        (
            "values: [1, no]",
            "value: [1]",
            (
                "FILE:6: the key 'choices.groups.values' is missing; add it\n"
                "FILE:6: unknown key 'choices.groups.value', did you mean 'values'?; "
                "allowed keys: kind, values"
            ),
        ),
        (
            "kind: option",
            "kind: optional",
            (
                "FILE:6: 'choices.groups': Input tag 'optional' found using 'kind' does not match "
                "any of the expected tags: 'option', 'range'"
            ),
        ),
        (
            "name: small",
            "name: small\nname: large",
            "FILE:3: the key 'name' occurs twice; remove one of them",
        ),
        (
            "name: small",
            "name: &n small",
            "FILE:2: anchors and aliases (& and *) are not allowed: repeat the value",
        ),
        (
            "name: small",
            "name: *n",
            "FILE:2: anchors and aliases (& and *) are not allowed: repeat the value",
        ),
        (
            "name: small",
            "name: !!python/object:os.system x",
            "FILE:2: tags are not allowed: remove 'tag:yaml.org,2002:python/object:os.system'",
        ),
        ("name: small", "[1]: small", "FILE:2: a key must be a single word or text"),
        (
            "name: small",
            "name: [small",
            "FILE:3: while parsing a flow sequence: expected ',' or ']', but got ':'",
        ),
        (
            "name: small",
            "name: \0",
            "FILE:2: the character '\\x00' is not allowed in YAML; remove it",
        ),
        (
            "name: small",
            "name: " + "[" * 30,
            "FILE:2: at most 20 levels of nesting are allowed",
        ),
        (
            "name: small",
            "name: small\nepochs: " + "9" * 6000,
            "FILE:3: 'epochs': Unable to parse input string as an integer, exceeded maximum size",
        ),
        (
            "choices:",
            "---\nchoices:",
            "FILE:5: expected a single document in the stream: but found another document",
        ),
    ],
)
def test_message_names_line_key_value_and_rule(
    file: Path, old: str, new: str, expected: str
) -> None:
    assert old in GOOD
    assert message(file, GOOD.replace(old, new)) == expected


def test_every_finding_is_told_in_the_order_of_the_file(file: Path) -> None:
    text = "epochs: 0\nnaem: x\nrecipe: {rate: 0}\nname: x\n"
    assert message(file, text).splitlines() == [
        "FILE:1: 'epochs' must be greater than or equal to 1, but got 0",
        (
            "FILE:2: unknown key 'naem', did you mean 'name'?; "
            "allowed keys: name, epochs, recipe, choices"
        ),
        "FILE:3: 'recipe.rate' must be greater than 0, but got 0",
    ]


def test_many_findings_are_cut(file: Path) -> None:
    text = GOOD + "".join(f"key{n}: 1\n" for n in range(20))
    lines = message(file, text).splitlines()
    assert len(lines) == 9
    assert lines[-1] == "FILE: 12 more findings"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "FILE: a definition must have at least one key, but it is empty"),
        (b"# only a comment\n", "FILE: a definition must have at least one key, but it is empty"),
        (b"- 1\n", "FILE: the top level must be `key: value` lines, but it is a list"),
        (
            b"name: x\nrecipe: \xff\n",
            "FILE:2: the file must be UTF-8 text, but has the byte 0xff; save it as UTF-8",
        ),
        (b"#" * 200_001, "FILE: a definition has at most 200000 bytes; shorten the file"),
    ],
)
def test_not_a_definition(file: Path, content: bytes, expected: str) -> None:
    assert message(file, content) == expected


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpace) as caught:
        load_yaml(tmp_path, Definition, InvalidSpace)
    assert str(caught.value) == (
        f"{tmp_path}: the file must be readable, but Is a directory; correct the path or its "
        "permissions"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1e-3", 0.001),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("0", 0),
        ("-12", -12),
        ("012", "012"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("", None),
        ("~", None),
        ("'1'", "1"),
        ("<<", "<<"),
    ],
)
def test_scalars_follow_yaml_1_2(file: Path, text: str, value: Any) -> None:
    class Anything(BaseModel):
        value: Any

    file.write_text(f"value: {text}\n")
    loaded = load_yaml(file, Anything, InvalidSpace).value
    assert (loaded, type(loaded)) == (value, type(value))


def test_validate_names_the_source() -> None:
    with pytest.raises(InvalidEvaluator) as caught:
        validate({"name": "x", "recipe": {"rate": 0}}, Definition, InvalidEvaluator, source="--set")
    assert str(caught.value) == "--set: 'recipe.rate' must be greater than 0, but got 0"


def test_find_prefers_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "digits" in available("evaluators")
    shipped = find("evaluators", "digits", InvalidEvaluator)
    assert shipped.is_absolute()
    own = tmp_path / "evaluators" / "digits.yaml"
    own.parent.mkdir()
    own.write_text("name: digits\n")
    assert find("evaluators", "digits", InvalidEvaluator).resolve() == own.resolve()
    assert find("evaluators", str(own), InvalidEvaluator) == own
    assert available("evaluators").count("digits") == 1


@pytest.mark.parametrize("name", ["", "..", "x" * 5000, "a\0b"])
def test_unknown_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known = ", ".join(available("evaluators")) or "none"
    with pytest.raises(InvalidEvaluator) as caught:
        find("evaluators", name, InvalidEvaluator)
    assert str(caught.value) == (
        f"unknown evaluator {name!r}; available: {known}, or give the path of a file"
    )


def test_unknown_name_suggests_a_close_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "search_spaces"
    folder.mkdir()
    (folder / "mine.yaml").write_text("")
    names = ", ".join(available("search_spaces"))
    with pytest.raises(InvalidSpace) as caught:
        find("search_spaces", "mime", InvalidSpace)
    assert str(caught.value) == (
        "unknown search space 'mime'; did you mean 'mine'? "
        f"available: {names}, or give the path of a file"
    )


@pytest.mark.parametrize("path", ["missing.yaml", "folder/missing"])
def test_missing_path(path: str) -> None:
    with pytest.raises(InvalidSpace) as caught:
        find("search_spaces", path, InvalidSpace)
    assert str(caught.value) == (f"the search space file must exist, but there is no file {path!r}")


@pytest.mark.parametrize(
    "text",
    [
        "03775185e503",
        "12e5",
        "1e-3",
        "7",
        "0.5",
        "no",
        "true",
        "~",
        "",
        "1:30",
        "a: b",
        "# a",
        "é\n",
    ],
)
def test_text_that_looks_like_another_value_is_written_as_text(text: str) -> None:
    value = {"digest": text, "all": [text, 1e-5, 3, None, True]}
    assert parse_value(dump_yaml(value)) == value
