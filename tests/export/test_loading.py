"""What is not exactly a trained network is refused, by name, and nothing else happens."""

import contextlib
import hashlib
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load as read_tensors
from safetensors.torch import save

import bnas
from bnas.errors import BnasError, InvalidWeights
from bnas.export.weights import write_network
from tests.export.conftest import DESIGN, NORMALISATION, network_of

WEIGHTS, LATENT, FACTS = "weights.safetensors", "latent.safetensors", "design.json"
CONV = "stage1.block1.unit1.conv.weight"


def refused(folder: Path, **options: Any) -> str:
    with pytest.raises(InvalidWeights) as caught:
        bnas.load(folder, **options)
    return str(caught.value)


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edits `design.json`."""
    facts = json.loads((folder / FACTS).read_text())
    edit(facts)
    (folder / FACTS).write_text(json.dumps(facts))


def put(folder: Path, content: bytes, name: str = WEIGHTS) -> None:
    """Replaces a file of tensors, with facts that agree."""
    (folder / name).write_bytes(content)
    own = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    change(folder, lambda facts: facts.update({name.partition(".")[0]: own}))


def with_tensors(folder: Path, **changes: torch.Tensor | None) -> None:
    tensors = read_tensors((folder / WEIGHTS).read_bytes())
    for name, value in changes.items():
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
    put(folder, save(tensors))


def test_there_must_be_a_folder_with_facts(tmp_path: Path) -> None:
    path = tmp_path / "no" / FACTS
    assert refused(tmp_path / "no") == (
        f"{path}: a trained network has this file, but there is none; "
        "name a folder that `bnas retrain` wrote, RUN/networks/NETWORK"
    )


def test_a_missing_file_is_named(written: Path) -> None:
    path = written / WEIGHTS
    path.unlink()
    assert refused(written) == (
        f"{path}: the file must be readable, but No such file or directory; restore it from a copy"
    )


def test_a_truncated_file_is_named(written: Path) -> None:
    path = written / WEIGHTS
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert refused(written) == (
        f"{path}: the file must have the {len(content):,} bytes that design.json states, but has "
        f"{len(content) - 1:,}; restore it from a copy"
    )


def test_a_changed_file_is_named(written: Path) -> None:
    path = written / LATENT
    content = bytearray(path.read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    content[-1] ^= 1
    path.write_bytes(content)
    bnas.load(written)
    assert refused(written, latent=True) == (
        f"{path}: the SHA-256 must be {digest}, as design.json states, but is another; "
        "the file was changed: restore it from a copy"
    )


def test_a_pickle_is_refused(written: Path, tmp_path: Path) -> None:
    flag = tmp_path / "ran"

    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (flag,)

    put(written, pickle.dumps(Attack()))
    assert re.fullmatch(
        rf"{written / WEIGHTS}: the file must be safetensors, but .*; restore it from a copy",
        refused(written),
    )
    assert not flag.exists()


def test_a_tensor_that_is_missing_or_too_many_is_named(written: Path) -> None:
    good = (written / WEIGHTS).read_bytes()
    with_tensors(written, **{CONV: None})
    end = "the file is of another design: restore it"
    assert refused(written) == f"{written / WEIGHTS}: the tensor {CONV!r} is missing; {end}"
    put(written, good)
    with_tensors(written, other=torch.zeros(3))
    assert refused(written) == (
        f"{written / WEIGHTS}: the tensor 'other' is none of the design's; {end}"
    )


@pytest.mark.parametrize(
    ("value", "is_now"),
    [
        (torch.zeros(19, dtype=torch.uint8), "U8 of shape (19,)"),
        (torch.zeros(18), "F32 of shape (18,)"),
        (torch.zeros(2, 9, dtype=torch.uint8), "U8 of shape (2, 9)"),
    ],
)
def test_a_tensor_of_another_shape_or_type_is_named(
    written: Path, value: torch.Tensor, is_now: str
) -> None:
    with_tensors(written, **{CONV: value})
    assert refused(written) == (
        f"{written / WEIGHTS}: the tensor {CONV!r} must be U8 of shape (18,), but is {is_now}; "
        "the file is of another design: restore it"
    )


def test_a_file_that_is_too_large_is_not_even_read(written: Path) -> None:
    content = (written / WEIGHTS).read_bytes()
    header = 0x0100_0000
    put(written, header.to_bytes(8, "little") + b" " * 100_000 + content)
    assert re.fullmatch(
        rf"{written / WEIGHTS}: weights of this design take at most [\d,]+ bytes, but the file has "
        r"10\d,\d{3}; restore it from a copy",
        refused(written),
    )


def test_facts_that_contradict_each_other_are_refused(written: Path) -> None:
    right = bnas.digest(DESIGN.architecture)
    change(written, lambda facts: facts.update(digest="0123456789ab"))
    assert refused(written) == (
        f"{written / FACTS}:1: digest must be that of the architecture, {right}, but is "
        "'0123456789ab'; restore the file from a copy"
    )
    change(written, lambda facts: facts.update(digest=right, in_channels=3))
    assert refused(written) == (
        f"{written / FACTS}:1: normalisation.mean must have a number for each of in_channels 3, "
        "but has 2; restore the file from a copy"
    )
    change(written, lambda facts: facts.update(in_channels=2, class_names=["a", "b"]))
    assert refused(written) == (
        f"{written / FACTS}:1: class_names must have a name for each of num_classes 3, but has 2; "
        "restore the file from a copy"
    )


def test_an_architecture_that_is_not_valid_is_refused_where_it_is_written(written: Path) -> None:
    def widen(facts: dict[str, Any]) -> None:
        facts["architecture"]["stages"][1]["unit"]["groups"] = 5

    change(written, widen)
    message = refused(written)
    assert message.startswith(f"{written / FACTS}:1: 'architecture.stages[1].unit.groups': ")


def test_latent_weights_may_be_missing(written: Path) -> None:
    change(written, lambda facts: facts.update(latent=None))
    bnas.load(written)
    assert refused(written, latent=True) == (
        f"{written} must hold latent weights to be trained further, but was written without; "
        "load it without latent=True, or retrain the design"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz")
    write_network(path, network_of(DESIGN), design=DESIGN, normalisation=NORMALISATION)
    return path


def damaged(data: st.DataObject, content: bytes) -> bytes:
    """Content with some bytes replaced, left out or put in, mostly at its beginning."""
    place = data.draw(st.integers(0, 400) | st.integers(0, len(content)))
    removed = data.draw(st.integers(0, 8))
    return content[:place] + data.draw(st.binary(max_size=8)) + content[place + removed :]


@given(data=st.data(), agree=st.booleans())
def test_damage_of_any_kind_is_an_error_for_users(
    folder: Path, data: st.DataObject, *, agree: bool
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    name = data.draw(st.sampled_from(sorted(before)))
    content = damaged(data, before[name])
    try:
        if name == FACTS or not agree:
            (folder / name).write_bytes(content)
        else:
            put(folder, content, name)
        # Some damage is none, as that of a number among the values.
        with contextlib.suppress(BnasError):
            bnas.load(folder, latent=name == LATENT)
    finally:
        for kept, old in before.items():
            (folder / kept).write_bytes(old)


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(header=st.dictionaries(st.sampled_from([CONV, "a", "__metadata__"]), HOSTILE))
def test_headers_of_any_kind_are_errors_for_users(folder: Path, header: dict[str, Any]) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    text = json.dumps(header).encode()
    try:
        put(folder, len(text).to_bytes(8, "little") + text + bytes(100))
        with pytest.raises(BnasError):
            bnas.load(folder)
    finally:
        for kept, old in before.items():
            (folder / kept).write_bytes(old)


@given(
    key=st.sampled_from(
        [
            "image_size",
            "num_classes",
            "normalisation",
            "latent",
            "test",
            "versions",
            "training",
            "schema",
            "architecture",
            "weights",
        ]
    ),
    value=HOSTILE,
)
def test_facts_of_any_kind_are_errors_for_users(folder: Path, key: str, value: Any) -> None:
    before = (folder / FACTS).read_bytes()
    try:
        change(folder, lambda facts: facts.update({key: value}))
        with contextlib.suppress(BnasError):
            bnas.load(folder)
    finally:
        (folder / FACTS).write_bytes(before)
