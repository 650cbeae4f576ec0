"""Files that nobody would write: an error of ours or a working space, and never anything else."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bnas.errors import InvalidSpace
from bnas.space import Choices, load_space

SHIPPED = yaml.safe_load((Path(__file__).parents[2] / "search_spaces" / "resnet.yaml").read_text())
WORDS = [*Choices.model_fields, "options", "scope", "when", "stage", "design", "bireal-18", "none"]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.sampled_from([0, 1, 2, 3, 16, 17, 10**9]),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=5),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in nested dicts and lists."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def check(path: Path) -> None:
    try:
        space = load_space(path)
    except InvalidSpace as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - or else the space works
        return
    assert space.size() > 0
    assert space.sample(np.random.default_rng(0)) in space


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "space.yaml"


@settings(max_examples=100)
@given(data=st.data())
def test_changed_values(data: st.DataObject, path: Path) -> None:
    definition = copy.deepcopy(SHIPPED)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(list(places(definition))))
        if data.draw(st.booleans()) or isinstance(container, list):
            container[key] = data.draw(values)
        else:
            container[data.draw(st.sampled_from(WORDS))] = container.pop(key)
    path.write_text(yaml.safe_dump(definition, allow_unicode=True), errors="surrogatepass")
    check(path)


@settings(max_examples=100)
@given(data=st.data())
def test_changed_text(data: st.DataObject, path: Path) -> None:
    text = yaml.safe_dump(SHIPPED)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 20))
        text = text[:start] + data.draw(st.text(max_size=5)) + text[end:]
    path.write_text(text, errors="surrogatepass")
    check(path)
