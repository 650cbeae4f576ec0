"""Canonical form, JSON and digest: equal networks are equal, other ones are not."""

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnas.architecture import (
    Architecture,
    Stage,
    Stem,
    Unit,
    canonical,
    digest,
    from_dict,
    load_design,
    model,
    problems,
    published_names,
    to_dict,
    valid,
)
from bnas.architecture.validity import CONDITIONS
from bnas.errors import InvalidArchitecture
from bnas.space.choices import Choices, default_option

DIGESTS = {
    "binaryduo-resnet18": "4a992a07834a",
    "bireal-18": "f8c417777c10",
    "bireal-34": "19374f1492c0",
    "bnn-plus-alexnet": "0f218cba0f0f",
    "bnn-plus-resnet18": "69acb234d34a",
    "bnn-plus-vgg": "cb1f33de0234",
    "ftbnn": "6039ea1be011",
    "reactnet-a": "d51bcdaa70c4",
    "reactnet-b": "1cdea8339ded",
    "reactnet-c": "4ff496304d2f",
    "reactnet-resnet18": "d7fe855247ef",
    "real-to-binary-resnet18": "19b5400083a0",
    "resnet20-bireal": "83e494da74dd",
    "resnet20-reactnet": "f535f35c1df1",
    "vgg-small": "a76f8a50e6b6",
    "xnor-resnet18": "e27679267dd5",
}


def network(*, widths: tuple[int, ...] = (16, 16), unit: Any = None, **stage: Any) -> Architecture:
    """A stem and one stage of the two widths, with these fields of unit and stage."""
    inner = Stage(depth=1, width=widths[1], unit=Unit(**(unit or {})), **stage)
    return Architecture(skeleton="resnet", stem=Stem(width=widths[0]), stages=(inner,))


def test_digests_of_published_designs_never_change() -> None:
    assert {name: digest(load_design(name).architecture) for name in published_names()} == DIGESTS


@pytest.mark.parametrize("name", published_names())
def test_a_choice_at_its_neutral_value_is_not_in_the_json(name: str) -> None:
    architecture = load_design(name).architecture
    neutral = {
        field.name: field.metadata["neutral"]
        for part in (Unit, Stage, Stem, Architecture)
        for field in fields(part)
        if "neutral" in field.metadata
    }
    written = to_dict(architecture)
    parts = [written, written["stem"], *written["stages"], *(s["unit"] for s in written["stages"])]
    assert not [key for part in parts for key in part if part[key] == neutral.get(key, "nothing")]
    assert from_dict(written) == architecture


def test_digest_is_that_of_the_json() -> None:
    architecture = load_design("reactnet-a").architecture
    text = json.dumps(to_dict(architecture), sort_keys=True, separators=(",", ":"))
    assert digest(from_dict(json.loads(text))) == digest(architecture)
    assert to_dict(architecture)["schema"] == 1


DOUBLING = (16, 32)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Fields without effect.
        ({"unit": {"activation_beta": 10.0}}, {}),
        ({"unit": {"weight_beta": "learnable"}}, {}),
        ({"unit": {"placement": "before-norm"}}, {}),
        ({"unit": {"shuffle": True}}, {}),
        ({"unit": {"groups": 16, "shuffle": True}}, {"unit": {"groups": 16}}),
        ({"widening": "convolution", "downsampling": "zero-pad"}, {}),
        ({"downsampling_groups": 4}, {}),
        (
            {"widths": DOUBLING, "downsampling": "zero-pad", "downsampling_groups": 4},
            {"widths": DOUBLING, "downsampling": "zero-pad"},
        ),
        (
            {"widths": DOUBLING, "unit": {"shortcut": "none"}, "downsampling": "zero-pad"},
            {"widths": DOUBLING, "unit": {"shortcut": "none"}},
        ),
        # Fields that are left out take their default.
        (
            {"unit": {"activation_estimator": "signswish"}},
            {"unit": {"activation_estimator": "signswish", "activation_beta": 5}},
        ),
        (
            {"unit": {"nonlinearity": "prelu"}},
            {"unit": {"nonlinearity": "prelu", "placement": "after-addition"}},
        ),
        (
            {"widths": DOUBLING},
            {
                "widths": DOUBLING,
                "widening": "convolution",
                "downsampling": "real-1x1",
                "downsampling_groups": 1,
            },
        ),
        # Two ways to write one network.
        (
            {
                "unit": {
                    "order": "norm-sign-conv",
                    "nonlinearity": "relu",
                    "placement": "before-norm",
                }
            },
            {
                "unit": {
                    "order": "norm-sign-conv",
                    "nonlinearity": "relu",
                    "placement": "before-addition",
                }
            },
        ),
        (
            {"unit": {"shortcut": "none", "nonlinearity": "relu", "placement": "after-addition"}},
            {"unit": {"shortcut": "none", "nonlinearity": "relu", "placement": "before-addition"}},
        ),
        (
            {"widths": DOUBLING, "unit": {"shortcut": "block"}, "widening": "duplicate"},
            {"widths": DOUBLING, "unit": {"shortcut": "block"}},
        ),
        (
            {"widths": DOUBLING, "downsampling": "duplicate"},
            {"widths": DOUBLING, "widening": "duplicate"},
        ),
        (
            {"widths": DOUBLING, "widening": "duplicate", "downsampling": "zero-pad"},
            {"widths": DOUBLING, "widening": "duplicate"},
        ),
    ],
)
def test_equal_networks_have_equal_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical(network(**one)) == canonical(network(**other))
    assert digest(network(**one)) == digest(network(**other))
    assert to_dict(network(**one)) == to_dict(network(**other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {"widths": DOUBLING, "unit": {"groups": 2}, "widening": "duplicate"},
            {"widths": DOUBLING, "unit": {"groups": 2}, "downsampling": "duplicate"},
        ),
        (
            {"unit": {"nonlinearity": "relu", "placement": "before-norm"}},
            {"unit": {"nonlinearity": "relu", "placement": "before-addition"}},
        ),
        ({"unit": {"groups": 8, "shuffle": True}}, {"unit": {"groups": 8}}),
        (
            {"widths": DOUBLING, "unit": {"groups": 16, "shuffle": True}},
            {"widths": DOUBLING, "unit": {"groups": 16}},
        ),
        ({"widths": DOUBLING}, {"widths": DOUBLING, "stride": 2}),
    ],
)
def test_other_networks_have_other_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(network(**one)) != digest(network(**other))


def options(annotation: Any) -> Iterator[Any]:
    """The literals of a type."""
    for argument in get_args(annotation):
        yield from options(argument) if get_args(argument) else [argument]


units = st.builds(
    Unit,
    activation_estimator=st.sampled_from(list(options(model.Estimator))),
    activation_beta=st.sampled_from([None, 5, 2.5, "learnable"]),
    weight_estimator=st.sampled_from(list(options(model.Estimator))),
    weight_beta=st.sampled_from([None, 5, 2.5, "learnable"]),
    threshold=st.sampled_from(list(options(model.Threshold))),
    weight_scale=st.sampled_from(list(options(model.WeightScale))),
    order=st.sampled_from(list(options(model.Order))),
    nonlinearity=st.sampled_from(list(options(model.Nonlinearity))),
    placement=st.sampled_from([None, *options(model.Placement)]),
    shortcut=st.sampled_from(list(options(model.ShortcutStyle))),
    groups=st.sampled_from([1, 2, 3, 4, 8]),
    shuffle=st.booleans(),
)
stages = st.builds(
    Stage,
    depth=st.integers(1, 3),
    width=st.sampled_from([4, 8, 12, 16]),
    stride=st.sampled_from([1, 2]),
    unit=units,
    downsampling=st.sampled_from([None, *options(model.Downsampling)]),
    downsampling_groups=st.sampled_from([None, 1, 2, 3]),
    widening=st.sampled_from([None, *options(model.Widening)]),
)
architectures = st.builds(
    Architecture,
    skeleton=st.sampled_from(list(options(model.Skeleton))),
    stem=st.builds(
        Stem,
        kind=st.sampled_from(list(options(model.StemKind))),
        width=st.sampled_from([4, 8, 16]),
    ),
    stages=st.lists(stages, min_size=1, max_size=3).map(tuple),
)


@given(architecture=architectures)
def test_canonical_is_idempotent_and_survives_json(architecture: Architecture) -> None:
    once = canonical(architecture)
    assert canonical(once) == once
    assert digest(architecture) == digest(once)
    for condition in CONDITIONS:
        values = [getattr(place, condition.field, "") for s in once.stages for place in (s, s.unit)]
        assert None not in values or condition.inactive is None
    written = json.loads(json.dumps(to_dict(architecture)))
    if problems(once):
        with pytest.raises(InvalidArchitecture):
            from_dict(written)
        with pytest.raises(InvalidArchitecture):
            valid(architecture)
    else:
        assert from_dict(written) == valid(architecture) == once


@given(architecture=architectures, data=st.data())
def test_every_field_with_an_effect_is_in_the_digest(
    architecture: Architecture, data: st.DataObject
) -> None:
    once = canonical(architecture)
    stage = once.stages[-1]
    name = data.draw(st.sampled_from([field.name for field in fields(Unit)]))
    other = data.draw(units)
    changed = replace(stage, unit=replace(stage.unit, **{name: getattr(other, name)}))
    second = canonical(replace(once, stages=(*once.stages[:-1], changed)))
    assert (digest(second) == digest(once)) == (second == once)


def test_defaults_of_choices_are_those_of_fields() -> None:
    for condition in CONDITIONS:
        assert default_option(condition.field) == condition.default
    for field in fields(Unit):
        if field.name not in {condition.field for condition in CONDITIONS}:
            assert default_option(field.name) == field.default


def test_every_field_of_a_design_is_a_choice() -> None:
    chosen = {field.name for kind in (Unit, Stage) for field in fields(kind)}
    assert chosen - {"unit", "stride"} <= Choices.model_fields.keys()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"widths": (16, 0)}, "'stages[0].width' must be greater than or equal to 1, but got 0"),
        (
            {"widths": (16, 16_385)},
            "'stages[0].width' must be less than or equal to 16384, but got 16385",
        ),
        ({"widths": (0, 16)}, "'stem.width' must be greater than or equal to 1, but got 0"),
        (
            {"unit": {"groups": "2"}},
            "'stages[0].unit.groups' must be a valid integer, but got '2'",
        ),
        (
            {"unit": {"groups": 3}},
            (
                "'stages[0].unit.groups': groups must divide the input and output channels, but "
                "got groups=3 with 16 -> 16 channels; take a common divisor of both"
            ),
        ),
    ],
)
def test_what_is_made_in_python_is_checked_by_valid(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidArchitecture) as caught:
        valid(network(**fields))
    assert str(caught.value) == f"architecture: {expected}"
