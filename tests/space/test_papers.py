"""The spaces of the papers: what they hold, and how one of several skeletons is chosen."""

import time
from typing import Any

import numpy as np
import pytest

from bnas.architecture import load_design, published_names
from bnas.definitions import available
from bnas.errors import InvalidSpace
from bnas.space import SearchSpace, load_space

SPACES = {name: load_space(name) for name in available("search_spaces")}
# Every published design in the spaces of its papers.
MEMBERS = {
    "ftbnn": {"ftbnn"},
    "reactnet": {
        *("reactnet-a", "reactnet-b", "reactnet-c", "reactnet-resnet18", "resnet20-reactnet"),
    },
    "bnn-plus": {"bnn-plus-vgg", "bnn-plus-alexnet", "bnn-plus-resnet18", "vgg-small"},
    "binaryduo": {"binaryduo-resnet18"},
    "resnet": {
        *("bireal-18", "bireal-34", "reactnet-resnet18", "resnet20-bireal", "resnet20-reactnet"),
        "xnor-resnet18",
    },
    "mobilenet": {"reactnet-a"},
}


@pytest.mark.parametrize(("space", "design"), [(s, d) for s in MEMBERS for d in sorted(MEMBERS[s])])
def test_designs_are_members_of_their_spaces(space: str, design: str) -> None:
    architecture = load_design(design).architecture
    assert SPACES[space].decode(SPACES[space].encode(architecture)) == architecture


@pytest.mark.parametrize("design", published_names())
def test_every_design_is_in_the_union(design: str) -> None:
    architecture = load_design(design).architecture
    assert SPACES["all"].decode(SPACES["all"].encode(architecture)) == architecture


@pytest.mark.parametrize("space", sorted(SPACES))
def test_every_space_is_in_the_union(space: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        assert SPACES[space].sample(rng) in SPACES["all"]


@pytest.mark.parametrize("space", sorted(SPACES))
def test_points_and_neighbours(space: str) -> None:
    searched, rng = SPACES[space], np.random.default_rng(6)
    drawn = [searched.sample(rng) for _ in range(5)]
    assert [searched.decode(searched.encode(architecture)) for architecture in drawn] == drawn
    neighbours = list(searched.neighbours(drawn[0]))
    assert len(set(neighbours)) == len(neighbours) > 0
    assert all(neighbour in searched for neighbour in neighbours)


@pytest.mark.parametrize("space", sorted(SPACES))
def test_every_choice_names_its_paper(space: str) -> None:
    for part in SPACES[space].definition.parts.values():
        for name, choice in part.choices.named().items():
            assert choice.is_fixed or choice.source, name


UNION = """\
name: both
description: ''
choices: {depth: 1, width: [8, 16], groups: [1, 2]}
skeletons:
  wide: {skeleton: resnet, stages: [{stride: 1}]}
  flat: {skeleton: vgg, stages: [{stride: 2}], choices: {shortcut: none, kernel_size: [3, 5]}}
first_candidates:
  - {name: five, choices: {skeleton: flat, kernel_size: 5}}
"""


@pytest.fixture
def both(load: Any) -> SearchSpace:
    space: SearchSpace = load(UNION)
    return space


def test_the_size_of_a_union_is_the_sum_of_its_parts(both: SearchSpace) -> None:
    assert both.size() == 4 + 8


def test_the_first_decision_is_the_part(both: SearchSpace) -> None:
    assert both.choice_names[0] == "skeleton"
    asked: list[tuple[str, tuple[Any, ...]]] = []

    def last(name: str, options: tuple[Any, ...]) -> Any:
        asked.append((name, options))
        return options[-1]

    point = both.walk(last)
    assert asked[0] == ("skeleton", ("wide", "flat"))
    assert point["skeleton"] == "flat"
    assert both.decode(point).skeleton == "vgg"
    assert both.encode(both.decode(point)) == point
    assert {a.skeleton for a in both.neighbours(both.decode(point))} == {"vgg", "resnet"}


def test_a_candidate_may_name_its_part(both: SearchSpace) -> None:
    ((name, architecture),) = both.first_candidates
    assert name == "five"
    assert architecture.stages[0].kernel_size == 5


def test_what_no_part_holds(both: SearchSpace) -> None:
    outside = load_design("reactnet-a").architecture
    reason = "the architecture d51bcdaa70c4 is not in the space both: the skeleton must be "
    with pytest.raises(InvalidSpace) as caught:
        both.encode(outside)
    assert str(caught.value) == (
        f"{reason}'resnet', but it is 'mobilenet'; {reason}'vgg', but it is 'mobilenet'"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "groups: [1, 2]",
            "groups: [1, two]",
            "FILE:3: 'choices.groups[1]': it must be a valid integer, but got 'two'",
        ),
        (
            "kernel_size: [3, 5]",
            "kernel_size: [3, 4]",
            "FILE:6: 'skeletons.flat.choices.kernel_size[1]': it must be 3 or 5, but got 4",
        ),
        (
            "flat: {skeleton: vgg, stages: [{stride: 2}]",
            "flat: {skeleton: resnet, stages: [{stride: 1}]",
            (
                "FILE:6: 'skeletons.flat.stages': no architecture may be in two parts, but 'wide' "
                "and 'flat' both have 'resnet' with the strides [1]; make them one, or change the "
                "strides or the number of stages of one"
            ),
        ),
    ],
)
def test_a_wrong_union(old: str, new: str, expected: str, load: Any, tmp_path: Any) -> None:
    assert old in UNION
    with pytest.raises(InvalidSpace) as caught:
        load(UNION.replace(old, new))
    assert str(caught.value).replace(str(tmp_path / "space.yaml"), "FILE") == expected


def test_sizes_are_counted_in_seconds() -> None:
    for name in SPACES:
        began = time.process_time()
        load_space(name).size()
        assert time.process_time() - began < 10, name
