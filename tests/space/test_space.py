"""What every search space can do, checked on the shipped ones."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from bnas.architecture import (
    Architecture,
    Stage,
    Stem,
    Unit,
    canonical,
    digest,
    load_design,
    problems,
)
from bnas.definitions import available
from bnas.errors import InvalidSpace
from bnas.space import Option, SearchSpace, load_space

CONDITIONAL = """\
name: conditional
description: Choices that open and close others
skeleton: resnet
stages: [{stride: 1, widen: 2}, {stride: 2, widen: 2}]
choices:
  num_stages: [1, 2]
  width: [8, 4]
  depth: 1
  activation_estimator: [ste, signswish]
  activation_beta: [5, 10]
  shortcut: [conv, none]
  groups: {scope: stage, options: [1, 2]}
  shuffle: {scope: stage, options: [false, true]}
  widening: {scope: stage, options: [convolution, duplicate]}
  downsampling: {scope: stage, options: [real-1x1, duplicate]}
"""


@pytest.fixture(scope="module", params=available("search_spaces"))
def space(request: pytest.FixtureRequest) -> SearchSpace:
    """Each space that ships."""
    return load_space(str(request.param))


@pytest.fixture
def samples(space: SearchSpace) -> list[Architecture]:
    """Architectures drawn from the space."""
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(100)]


def changes(space: SearchSpace, one: Architecture, other: Architecture) -> set[str]:
    """The names of the decisions in which two architectures differ."""
    ours, theirs = space.encode(one), space.encode(other)
    return {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}


def test_samples_are_valid_canonical_members(
    space: SearchSpace, samples: list[Architecture], untouched_global_random: None
) -> None:
    space.sample(np.random.default_rng(0))
    for architecture in samples:
        assert problems(architecture) == []
        assert architecture == canonical(architecture)
        assert architecture in space
        assert space.decode(space.encode(architecture)) == architecture


def test_samples_repeat_with_the_seed(space: SearchSpace, samples: list[Architecture]) -> None:
    rng = np.random.default_rng(0)
    assert [space.sample(rng) for _ in range(100)] == samples
    assert space.sample(np.random.default_rng(1)) != samples[0]


def test_samples_reach_every_option(space: SearchSpace) -> None:
    drawn: dict[str, set[Option]] = defaultdict(set)
    rng = np.random.default_rng(0)

    def choose(name: str, options: tuple[Option, ...]) -> Option:
        option = options[rng.integers(len(options))]
        drawn[name].add(option)
        return option

    for _ in range(1000):
        space.walk(choose)
    assert set(drawn) <= set(space.choice_names)
    open_ones: dict[str, set[Option]] = defaultdict(set)
    for part in space.definition.parts.values():
        for name, choice in part.choices.named().items():
            if not choice.is_fixed:
                open_ones[name] |= set(choice.options)
    for name, options in open_ones.items():
        found = {option for key in drawn if key.split(".")[-1] == name for option in drawn[key]}
        assert options <= found


def test_each_decision_is_drawn_uniformly(load: Any) -> None:
    space = load(CONDITIONAL)
    rng = np.random.default_rng(0)
    points = [space.encode(space.sample(rng)) for _ in range(2000)]
    widths = np.bincount([point["width"] for point in points])
    betas = np.bincount([int(p["activation_beta"]) for p in points if "activation_beta" in p])
    # Four standard deviations of a fair coin.
    assert abs(widths[8] - widths[4]) < 4 * np.sqrt(2000)
    assert abs(betas[5] - betas[10]) < 4 * np.sqrt(betas.sum())


def test_neighbours_are_other_members(space: SearchSpace, samples: list[Architecture]) -> None:
    for architecture in samples[:5]:
        neighbours = list(space.neighbours(architecture))
        assert len(neighbours) == len(set(neighbours)) > 0
        assert architecture not in neighbours
        for neighbour in neighbours:
            assert problems(neighbour) == []
            assert changes(space, architecture, neighbour)


def test_neighbours_that_open_and_close_nothing_are_mutual(load: Any) -> None:
    space = load(CONDITIONAL)
    rng = np.random.default_rng(0)
    single = 0
    for architecture in [space.sample(rng) for _ in range(20)]:
        for neighbour in space.neighbours(architecture):
            if len(changes(space, architecture, neighbour)) == 1:
                single += 1
                assert architecture in list(space.neighbours(neighbour))
    assert single > 30


def test_neighbours_lead_everywhere(load: Any) -> None:
    space = load(CONDITIONAL.replace("[8, 4]", "8").replace("num_stages: [1, 2]", "num_stages: 1"))
    reached = {space.sample(np.random.default_rng(0))}
    waiting = list(reached)
    while waiting:
        new = set(space.neighbours(waiting.pop())) - reached
        reached |= new
        waiting.extend(new)
    assert len(reached) == space.size()


def test_first_candidates_are_distinct_members(space: SearchSpace) -> None:
    names = [name for name, _ in space.first_candidates]
    architectures = [architecture for _, architecture in space.first_candidates]
    assert len(set(names)) == len(names) == len(set(architectures)) > 0
    assert all(architecture in space for architecture in architectures)


@pytest.mark.parametrize(
    ("space", "design"),
    [
        ("resnet", "bireal-18"),
        ("resnet", "bireal-34"),
        ("resnet", "reactnet-resnet18"),
        ("resnet", "resnet20-bireal"),
        ("resnet", "resnet20-reactnet"),
        ("mobilenet", "reactnet-a"),
    ],
)
def test_published_designs_are_members(space: str, design: str) -> None:
    assert load_design(design).architecture in load_space(space)


def test_a_point_takes_the_options_as_the_space_writes_them(load: Any) -> None:
    text = CONDITIONAL + (
        "first_candidates:\n"
        "  - {name: one, choices: {activation_estimator: signswish, activation_beta: 10}}\n"
    )
    space = load(text)
    ((_, architecture),) = space.first_candidates
    beta = architecture.stages[0].unit.activation_beta
    assert (beta, type(beta)) == (10.0, float)


def test_a_choice_waits_for_one_that_has_no_effect(load: Any) -> None:
    text = CONDITIONAL.replace(
        "shortcut: [conv, none]",
        "shortcut: {options: [none, conv], when: {activation_beta: [5, 10]}}",
    )
    space = load(text)
    rng = np.random.default_rng(0)
    for point in (space.encode(space.sample(rng)) for _ in range(50)):
        if point["activation_estimator"] == "ste":
            assert point["shortcut"] == "conv"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"width": None}, " must have width, one of [8, 4]; add it"),
        ({"width": 16}, ": width must be one of [8, 4], but got 16"),
        ({"stage1.groups": True}, ": stage1.groups must be one of [1, 2], but got True"),
        (
            {"activation_beta": 5},
            ": activation_beta has no effect together with the others; remove it",
        ),
        ({"stage2.groups": 1}, ": stage2.groups has no effect together with the others; remove it"),
        (
            {"stage3.groups": 1},
            (
                ": unknown choice 'stage3.groups', did you mean 'stage2.groups'?; choices: stem, "
                "stem_bits, num_stages, width, width_factor, depth, kernel_size, "
                "activation_levels, activation_estimator, activation_beta, weight_estimator, "
                "weight_beta, threshold, weight_scale, weight_scale_init, regulariser, "
                "regulariser_weight, attention, padding, order, nonlinearity, shortcut, placement, "
                "head_pooling, hidden_layers, hidden_width, groups, shuffle, mix, widening, "
                "widening_groups, downsampling, downsampling_groups"
            ),
        ),
    ],
)
def test_what_is_no_point(changes: dict[str, Any], expected: str, load: Any) -> None:
    space = load(CONDITIONAL)
    changed = {**space.walk(lambda _, options: options[0]), **changes}
    point = {name: option for name, option in changed.items() if option is not None}
    with pytest.raises(InvalidSpace) as caught:
        space.decode(point)
    assert str(caught.value) == f"a point of the space conditional{expected}"


def member(**changes: Any) -> Architecture:
    """A member of the space above, or with changes one that may not be."""
    unit = Unit(**changes.pop("unit", {}))
    stages = changes.pop("stages", None) or (
        Stage(depth=1, width=16, unit=unit),
        Stage(depth=1, width=32, stride=2, unit=changes.pop("last_unit", unit)),
    )
    stem = Stem(**{"width": 8, **changes.pop("stem", {})})
    return Architecture(**{"skeleton": "resnet", "stem": stem, "stages": stages, **changes})


def test_a_member(load: Any) -> None:
    assert member() in load(CONDITIONAL)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"skeleton": "mobilenet"}, "the skeleton must be 'resnet', but it is 'mobilenet'"),
        ({"stem": {"kind": "7x7-pool"}}, "stem must be one of ['3x3'], but it is '7x7-pool'"),
        (
            {"stages": (Stage(depth=1, width=16, stride=2),)},
            "the stride of stage 1 must be 1, but it is 2",
        ),
        (
            {"stages": (Stage(depth=1, width=24),)},
            "width_factor must be one of [1.0], but the width is 24",
        ),
        (
            {"stages": (Stage(depth=1, width=16), *[Stage(depth=1, width=32, stride=2)] * 2)},
            "num_stages must be one of [1, 2], but it is 3",
        ),
        ({"unit": {"groups": 4}}, "stage1.groups must be one of [1, 2], but it is 4"),
        (
            {"last_unit": Unit(shortcut="none")},
            "shortcut must be the same in all stages, but it is 'conv' and 'none'",
        ),
        (
            {"unit": {"activation_estimator": "signswish", "activation_beta": "learnable"}},
            "activation_beta must be one of [5.0, 10.0], but it is 'learnable'",
        ),
    ],
)
def test_what_is_no_member(changes: dict[str, Any], expected: str, load: Any) -> None:
    space, architecture = load(CONDITIONAL), member(**changes)
    with pytest.raises(InvalidSpace) as caught:
        space.encode(architecture)
    assert str(caught.value) == (
        f"the architecture {digest(architecture)} is not in the space conditional: {expected}"
    )
    assert architecture not in space


def test_a_space_that_is_too_intricate_to_count_is_refused(load: Any) -> None:
    options = list(range(1, 101))
    text = (
        "name: huge\ndescription: ''\nskeleton: resnet\nstages: [{}, {}, {}]\n"
        f"choices:\n  width: {options}\n  depth: 1\n"
        f"  width_factor: {{scope: stage, options: {options[:16]}}}\n"
        f"  groups: {{scope: stage, options: {options}}}\n"
    )
    with pytest.raises(InvalidSpace) as caught:
        load(text)
    assert str(caught.value).split(".yaml: ")[1] == (
        "huge: choices that depend on each other may have at most 500000 combinations of options, "
        "but stage2.groups exceeds that; give stage1.width_factor, stage2.groups, "
        "stage2.width_factor, width fewer options"
    )


def test_many_choices_for_many_stages_are_counted_and_drawn(load: Any) -> None:
    choices = CONDITIONAL[CONDITIONAL.index("choices:") :].replace("[1, 2]\n  width", "16\n  width")
    frames = "stages: [" + "{}, " * 15 + "{}]\n"
    space = load(f"name: long\ndescription: ''\nskeleton: resnet\n{frames}{choices}")
    assert space.size() > 10**8
    assert space.sample(np.random.default_rng(0)) in space
