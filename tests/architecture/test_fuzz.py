"""Designs that nobody would write: an error of ours or a design, and never anything else."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bnas.architecture import Stage, Unit, digest, from_dict, load_design, plan, problems, to_dict
from bnas.errors import InvalidArchitecture

DESIGN = {
    "name": "mine",
    "image_size": 32,
    "skeleton": "resnet",
    "stem": {"kind": "3x3", "width": 16},
    "unit": {"activation_estimator": "ste", "groups": 2},
    "stages": [
        {"depth": 1, "width": 16},
        {"depth": 2, "width": 32, "stride": 2, "downsampling": "real-1x1", "unit": {"groups": 4}},
    ],
    "head": {"pooling": "flatten", "hidden": [32]},
}
WORDS = [
    *Unit.__slots__,
    *Stage.__slots__,
    "head",
    "depth",
    "width",
    "stem",
    "unit",
    "none",
    "duplicate",
    "signswish",
]

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=300)
@given(data=st.data())
def test_changed_values(data: st.DataObject, folder: Path) -> None:
    design = copy.deepcopy(DESIGN)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(list(places(design))))
        if data.draw(st.booleans()) or isinstance(container, list):
            container[key] = data.draw(values)
        else:
            container[data.draw(st.sampled_from(WORDS))] = container.pop(key)
    path = folder / data.draw(st.sampled_from(["design.json", "design.yaml"]))
    dump = json.dumps if path.suffix == ".json" else yaml.safe_dump
    path.write_text(dump(design), errors="surrogatepass")
    check(path)


@settings(max_examples=200)
@given(data=st.data())
def test_changed_text(data: st.DataObject, folder: Path) -> None:
    path = folder / data.draw(st.sampled_from(["text.json", "text.yaml"]))
    text = json.dumps(DESIGN, indent=1) if path.suffix == ".json" else yaml.safe_dump(DESIGN)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 20))
        text = text[:start] + data.draw(st.text(max_size=5)) + text[end:]
    path.write_text(text, errors="surrogatepass")
    check(path)


def check(path: Path) -> None:
    try:
        design = load_design(path)
    except InvalidArchitecture as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - or else it is a design
        return
    assert problems(design.architecture) == []
    assert from_dict(to_dict(design.architecture)) == design.architecture
    assert len(digest(design.architecture)) == 12
    plan(design.architecture, image_size=32)


@settings(max_examples=200)
@given(data=values)
def test_any_object(data: Any) -> None:
    with pytest.raises(InvalidArchitecture, match=r"^architecture: "):
        from_dict(data)
