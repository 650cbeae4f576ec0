"""What a space is, against brute force: its size, its points and its architectures."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bnas.architecture import Architecture, canonical, problems
from bnas.errors import InvalidSpace
from bnas.space import Point, SearchSpace, SpaceDefinition

FRAMES = {
    "equal": "[{stride: 1}]",
    "doubling": "[{stride: 1}, {stride: 2, widen: 2}]",
    "tripling": "[{stride: 1, widen: 3}]",
    "mixed": "[{stride: 1, widen: 2}, {stride: 2, widen: 3}]",
}
SPACES = {
    "fixed": ("equal", "width: 8, depth: 1"),
    "network scope": ("doubling", "width: [8, 16], depth: [1, 2], groups: [1, 2]"),
    "stage scope": ("doubling", "width: 8, depth: {scope: stage, options: [1, 2, 3]}"),
    "conditional": (
        "equal",
        (
            "width: 8, depth: 1, activation_estimator: [ste, signswish], activation_beta: [5, 10], "
            "weight_estimator: [signswish, ede], weight_beta: [5, learnable]"
        ),
    ),
    "placements": (
        "equal",
        (
            "width: 8, depth: 1, order: [sign-conv-norm, norm-sign-conv], "
            "nonlinearity: [none, prelu], shortcut: [conv, none], "
            "placement: [after-addition, before-addition, before-norm]"
        ),
    ),
    "placements without the canonical one": (
        "equal",
        (
            "width: 8, depth: 1, order: [sign-conv-norm, norm-sign-conv], nonlinearity: prelu, "
            "shortcut: [conv, block, none], placement: [before-norm, after-addition]"
        ),
    ),
    "groups that do not divide": (
        "doubling",
        (
            "width: [4, 6], depth: 1, groups: {scope: stage, options: [1, 2, 4, 8]}, "
            "shuffle: {scope: stage, options: [false, true]}"
        ),
    ),
    "as many groups as channels": (
        "equal",
        "width: [4, 8], depth: 1, groups: 4, shuffle: [false, true]",
    ),
    "widths": (
        "doubling",
        "width: [4, 5], depth: 1, width_factor: {scope: stage, options: [1, 1.1, 1.5, 2]}",
    ),
    "duplication": (
        "doubling",
        (
            "width: 4, depth: 1, groups: [1, 2], shortcut: [conv, block, none], "
            "widening: [convolution, duplicate], downsampling: [real-1x1, duplicate, zero-pad], "
            "downsampling_groups: [1, 2]"
        ),
    ),
    "duplication in one stage": (
        "mixed",
        (
            "width: 4, depth: 1, widening: [duplicate, convolution], "
            "downsampling: [duplicate, real-1x1]"
        ),
    ),
    "duplication by stage": (
        "mixed",
        (
            "width: 4, depth: 1, widening: {scope: stage, options: [convolution, duplicate]}, "
            "downsampling: {scope: stage, options: [real-1x1, duplicate]}"
        ),
    ),
    "duplication that `when` closes": (
        "doubling",
        (
            "width: 4, depth: 1, threshold: [fixed, learnable], "
            "widening: {options: [convolution, duplicate], when: {threshold: fixed}}, "
            "downsampling: [real-1x1, duplicate]"
        ),
    ),
    "number of stages": (
        "mixed",
        (
            "num_stages: [1, 2], width: [4, 8], depth: {scope: stage, options: [1, 2]}, "
            "groups: {scope: stage, options: [1, 8]}"
        ),
    ),
    "when": (
        "doubling",
        (
            "width: [8, 16], depth: {scope: stage, options: [1, 2]}, nonlinearity: [none, prelu], "
            "shortcut: {options: [block, conv], when: {nonlinearity: prelu, width: [8]}}, "
            "groups: {scope: stage, options: [2, 4], when: {depth: [2]}}"
        ),
    ),
    "real widening": (
        "doubling",
        (
            "width: [4, 6], depth: 1, widening: [duplicate, real, convolution], "
            "widening_groups: [1, 4], downsampling: [duplicate, binary-1x1]"
        ),
    ),
    "levels": (
        "equal",
        (
            "width: 8, depth: 1, activation_levels: [signed, unsigned, paired], "
            "activation_estimator: [ste, signswish], activation_beta: [5, 10], "
            "threshold: [fixed, learnable], order: [sign-conv-norm, norm-sign-conv]"
        ),
    ),
    "regularisers": (
        "equal",
        (
            "width: 8, depth: 1, weight_scale: [none, learned], weight_scale_init: [mean, p75], "
            "regulariser: [none, r1, r2], regulariser_weight: [1.0e-6, 1.0e-7]"
        ),
    ),
    "mixed groups": (
        "doubling",
        (
            "width: 8, depth: 1, groups: {scope: stage, options: [1, 4]}, "
            "mix: {scope: stage, options: [false, true]}, kernel_size: [3, 5], padding: [zero, one]"
        ),
    ),
    "stems and heads": (
        "equal",
        (
            "stem: [3x3, grouped], stem_bits: [32, 8], width: [8, 16], depth: 1, "
            "head_pooling: [average, flatten], hidden_layers: [0, 1, 2], hidden_width: [16, 32]"
        ),
    ),
    "a fixed choice that depends on a stage": (
        "doubling",
        (
            "width: 8, depth: 1, groups: {scope: stage, options: [1, 2]}, shuffle: true, "
            "shortcut: {scope: stage, options: [conv, none]}, nonlinearity: prelu"
        ),
    ),
}


def points(space: SearchSpace) -> Iterator[Point]:
    """Every walk through a space, found by going back to the last decision that is not used up."""
    starts: list[tuple[int, ...]] = [()]
    while starts:
        start = starts.pop()
        taken: list[int] = []

        def choose(
            _: str,
            options: tuple[Any, ...],
            start: tuple[int, ...] = start,
            taken: list[int] = taken,
        ) -> Any:
            if len(taken) < len(start):
                taken.append(start[len(taken)])
            else:
                starts.extend((*taken, index) for index in range(1, len(options)))
                taken.append(0)
            return options[taken[-1]]

        yield space.walk(choose)


def check(space: SearchSpace, brute_force: Any) -> None:
    expected = brute_force(space)
    found = list(points(space))
    architectures = [space.decode(point) for point in found]
    assert space.size() == len(found) == len(expected)
    assert set(architectures) == expected
    assert [space.encode(architecture) for architecture in architectures] == found
    for architecture in architectures[:10]:
        for other in altered(architecture):
            assert (other in space) == (other in expected)


def altered(architecture: Architecture) -> Iterator[Architecture]:
    """Valid designs with one other field, members or not."""
    *before, stage = architecture.stages
    units: list[dict[str, Any]] = [
        {"shortcut": "conv"},
        {"shortcut": "none"},
        {"placement": "before-addition"},
        {"placement": "before-norm"},
        {"groups": 2},
        {"shuffle": True},
        {"activation_beta": 10.0},
    ]
    changed = [replace(stage, unit=replace(stage.unit, **unit)) for unit in units]
    changed += [replace(stage, widening=value) for value in ("convolution", "duplicate")]
    changed += [replace(stage, downsampling=value) for value in ("duplicate", "zero-pad")]
    changed += [replace(stage, width=stage.width + 1), replace(stage, depth=stage.depth + 1)]
    for last in changed:
        other = canonical(replace(architecture, stages=(*before, last)))
        if not problems(other):
            yield other


PLAIN = {
    "plain": ("mixed", "width: 4, depth: 1, shortcut: none, order: [sign-conv-norm], groups: 1"),
    "plain with other options": (
        "doubling",
        "width: 4, depth: 1, shortcut: [conv, none], widening: [convolution, duplicate]",
    ),
}


@pytest.mark.parametrize(
    ("name", "skeleton"),
    [
        *((name, skeleton) for name in SPACES for skeleton in ("resnet", "mobilenet")),
        *((name, "vgg") for name in PLAIN),
    ],
)
def test_points_and_architectures_are_one_to_one(
    name: str, skeleton: str, load: Any, brute_force: Any
) -> None:
    frames, choices = {**SPACES, **PLAIN}[name]
    check(
        load(
            f"name: small\ndescription: ''\nskeleton: {skeleton}\n"
            f"stages: {FRAMES[frames]}\nchoices: {{{choices}}}\n"
        ),
        brute_force,
    )


POOL: dict[str, list[Any]] = {
    "stem": ["3x3", "7x7-pool", "grouped"],
    "num_stages": [1, 2],
    "width": [4, 6, 8, 1, 16],
    "width_factor": [1, 2, 0.5, 1.5, 1.1],
    "depth": [1, 2],
    "kernel_size": [3, 5],
    "activation_levels": ["signed", "unsigned", "paired"],
    "activation_estimator": ["ste", "signswish"],
    "activation_beta": [5, 10, "learnable"],
    "weight_scale": ["none", "learned"],
    "weight_scale_init": ["mean", "median"],
    "regulariser": ["none", "r1"],
    "order": ["sign-conv-norm", "norm-sign-conv"],
    "nonlinearity": ["none", "prelu"],
    "shortcut": ["conv", "block", "none"],
    "placement": ["before-norm", "before-addition", "after-addition"],
    "groups": [1, 2, 4],
    "shuffle": [False, True],
    "mix": [False, True],
    "widening": ["convolution", "duplicate", "real"],
    "widening_groups": [1, 2],
    "downsampling": ["real-1x1", "duplicate", "zero-pad", "binary-1x1"],
    "downsampling_groups": [1, 2],
}
# `when` sees only one of equal options, so brute force is asked about choices without such.
NEVER_MERGED = ["depth", "activation_estimator", "order", "nonlinearity", "shortcut", "groups"]


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    num_stages = draw(st.integers(1, 2))
    names = draw(st.sets(st.sampled_from(list(POOL)), min_size=1, max_size=5))
    choices: dict[str, Any] = {}
    for name in sorted(names | {"width", "depth"}, key=list(POOL).index):
        pool = POOL[name][:num_stages] if name == "num_stages" else POOL[name]
        options = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True))
        choices[name] = {"options": options}
        if name not in ("stem", "num_stages", "width"):
            choices[name]["scope"] = draw(st.sampled_from(["network", "stage", "stage"]))
    if draw(st.booleans()):
        other = draw(st.sampled_from(NEVER_MERGED))
        options = choices.get(other, {"options": [1]})["options"]
        choices[draw(st.sampled_from(list(choices)))]["when"] = {other: options[:1]}
    widen = draw(st.lists(st.integers(1, 3), min_size=num_stages, max_size=num_stages))
    return {
        "name": "drawn",
        "description": "",
        "skeleton": draw(st.sampled_from(["resnet", "mobilenet", "vgg"])),
        "stages": [{"stride": 1 + (i > 0), "widen": factor} for i, factor in enumerate(widen)],
        "choices": choices,
    }


def num_combinations(definition: SpaceDefinition) -> int:
    number = 1
    for _, choice in definition.choices:
        if choice is not None:
            copies = len(definition.stages) if choice.scope == "stage" else 1
            number *= len(choice.options) ** copies
    return number


@settings(max_examples=150)
@given(data=definitions())
def test_any_space_is_refused_or_counted_exactly(data: dict[str, Any], brute_force: Any) -> None:
    try:
        definition = SpaceDefinition.model_validate(data)
    except ValidationError:
        return
    if num_combinations(definition) > 500:
        return
    try:
        space = SearchSpace(definition)
    except InvalidSpace as error:
        assert "every choice needs a valid option" in str(error)  # noqa: PT017 - else counted
        return
    check(space, brute_force)
