"""Wrong search-space files: one message that says file, line, key, value, rule and remedy."""

from typing import Any

import pytest

from bnas.errors import InvalidSpace

GOOD = """\
# A comment on the first line.
name: small
description: A test
skeleton: resnet
stages:
  - {stride: 1}
  - {stride: 2, widen: 2}
choices:
  width: [8, 16]
  depth: {scope: stage, options: [1, 2]}
  groups:
    scope: stage
    options: [1, 2]
  nonlinearity: [none, prelu]
first_candidates:
  - name: one
    choices: {depth: 1}
"""


def test_the_good_one_is_good(load: Any) -> None:
    assert load(GOOD).size() == 2 * 2 * 2**2 * 2**2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "groups:",
            "grops:",
            (
                "FILE:11: unknown key 'choices.grops', did you mean 'groups'?; allowed keys: stem, "
                "stem_bits, num_stages, width, width_factor, depth, kernel_size, "
                "activation_levels, activation_estimator, activation_beta, weight_estimator, "
                "weight_beta, threshold, weight_scale, weight_scale_init, regulariser, "
                "regulariser_weight, attention, padding, order, nonlinearity, shortcut, placement, "
                "groups, shuffle, mix, widening, widening_groups, downsampling, "
                "downsampling_groups, head_pooling, hidden_layers, hidden_width"
            ),
        ),
        (
            "[none, prelu]",
            "[none, prelo]",
            (
                "FILE:14: 'choices.nonlinearity[1]' must be 'none', 'relu', 'hardtanh', "
                "'prelu', 'rprelu' or 'prelu2', but got 'prelo', did you mean 'prelu'?"
            ),
        ),
        (
            "[none, prelu]",
            "prelo",
            (
                "FILE:14: 'choices.nonlinearity' must be 'none', 'relu', 'hardtanh', 'prelu', "
                "'rprelu' or 'prelu2', but got 'prelo', did you mean 'prelu'?"
            ),
        ),
        (
            "[none, prelu]",
            "[]",
            "FILE:14: 'choices.nonlinearity' must have at least 1 item, but got []",
        ),
        (
            "[none, prelu]",
            "{options: []}",
            "FILE:14: 'choices.nonlinearity.options' must have at least 1 item, but got []",
        ),
        (
            "[none, prelu]",
            "{option: [prelu]}",
            (
                "FILE:14: the key 'choices.nonlinearity.options' is missing; add it\n"
                "FILE:14: unknown key 'choices.nonlinearity.option', did you mean 'options'?; "
                "allowed keys: options, scope, when, source"
            ),
        ),
        (
            "[none, prelu]",
            "{options: prelu}",
            "FILE:14: 'choices.nonlinearity.options' must be a list, but got 'prelu'",
        ),
        (
            "[none, prelu]",
            "[prelu, prelu]",
            (
                "FILE:14: 'choices.nonlinearity': options must differ, but got ['prelu', "
                "'prelu']; drop repeats"
            ),
        ),
        (
            "[none, prelu]",
            "null",
            (
                "FILE:14: 'choices.nonlinearity' must be 'none', 'relu', 'hardtanh', 'prelu', "
                "'rprelu' or 'prelu2', but got None"
            ),
        ),
        (
            "[none, prelu]",
            "{prelu: 1}",
            (
                "FILE:14: the key 'choices.nonlinearity.options' is missing; add it\n"
                "FILE:14: unknown key 'choices.nonlinearity.prelu'; allowed keys: options, "
                "scope, when, source"
            ),
        ),
        (
            "[8, 16]",
            "[8, two]",
            "FILE:9: 'choices.width[1]' must be a valid integer, but got 'two'",
        ),
        ("[8, 16]", "[8, 2.5]", "FILE:9: 'choices.width[1]' must be a valid integer, but got 2.5"),
        (
            "[8, 16]",
            "[8, true]",
            "FILE:9: 'choices.width[1]' must be a valid integer, but got True",
        ),
        (
            "[8, 16]",
            "[8, 1000000000]",
            "FILE:9: 'choices.width[1]' must be less than or equal to 16384, but got 1000000000",
        ),
        (
            "[8, 16]",
            (
                "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, "
                "22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, "
                "41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, "
                "60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, "
                "79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, "
                "98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, "
                "114, 115, 116, 117, 118, 119]"
            ),
            (
                "FILE:9: 'choices.width' must have at most 100 items, but got [1, 2, 3, 4, 5, "
                "6, ...]"
            ),
        ),
        (
            "[8, 16]",
            "{options: [8], scope: stage}",
            (
                "FILE:9: 'choices.width.scope': width is a choice of the network; remove "
                "`scope: stage`"
            ),
        ),
        (
            "[8, 16]",
            "{options: [8], scope: stages}",
            (
                "FILE:9: 'choices.width.scope' must be 'network' or 'stage', but got 'stages', "
                "did you mean 'stage'?"
            ),
        ),
        (
            "scope: stage\n",
            "scope: stage\n    when: {nonlinearit: [prelu]}\n",
            (
                "FILE:13: 'choices.groups.when.nonlinearit': `when` must name a choice that is "
                "made before groups, but got 'nonlinearit', did you mean 'nonlinearity'?; made "
                "before it: stem, stem_bits, width, width_factor, kernel_size, activation_levels, "
                "activation_estimator, activation_beta, weight_estimator, weight_beta, threshold, "
                "weight_scale, weight_scale_init, regulariser, regulariser_weight, attention, "
                "padding, order, nonlinearity, shortcut, placement, widening, widening_groups, "
                "downsampling, downsampling_groups, head_pooling, hidden_layers, hidden_width, "
                "depth"
            ),
        ),
        (
            "scope: stage\n",
            "scope: stage\n    when: {shuffle: [true]}\n",
            (
                "FILE:13: 'choices.groups.when.shuffle': `when` must name a choice that is made "
                "before groups, but got 'shuffle'; made before it: stem, stem_bits, width, "
                "width_factor, kernel_size, activation_levels, activation_estimator, "
                "activation_beta, weight_estimator, weight_beta, threshold, weight_scale, "
                "weight_scale_init, regulariser, regulariser_weight, attention, padding, order, "
                "nonlinearity, shortcut, placement, widening, widening_groups, downsampling, "
                "downsampling_groups, head_pooling, hidden_layers, hidden_width, depth"
            ),
        ),
        (
            "scope: stage\n",
            "scope: stage\n    when: {nonlinearity: relu}\n",
            (
                "FILE:13: 'choices.groups.when.nonlinearity': `when` must name options of "
                "nonlinearity, ['none', 'prelu'], but got 'relu', did you mean 'prelu'?"
            ),
        ),
        (
            "scope: stage\n",
            "scope: stage\n    when: {nonlinearity: [prelo]}\n",
            (
                "FILE:13: 'choices.groups.when.nonlinearity': `when` must name options of "
                "nonlinearity, ['none', 'prelu'], but got 'prelo', did you mean 'prelu'?"
            ),
        ),
        (
            "scope: stage\n",
            "scope: stage\n    when: prelu\n",
            "FILE:13: 'choices.groups.when' must be a group of `key: value`, but got 'prelu'",
        ),
        (
            "{scope: stage, options: [1, 2]}",
            "{options: [1], when: {width: 8}}",
            (
                "FILE:10: 'choices.depth.when': every network needs a depth, so it cannot be "
                "closed; remove `when`"
            ),
        ),
        (
            "[none, prelu]",
            "{options: [none, prelu], when: {groups: 1}}",
            (
                "FILE:14: 'choices.nonlinearity': nonlinearity depends on groups, which is "
                "chosen for each stage, but has the scope 'network'; add `scope: stage` to it"
            ),
        ),
        (
            "  nonlinearity",
            "  hidden_layers: {options: [1], when: {groups: 1}}\n  nonlinearity",
            (
                "FILE:14: 'choices.hidden_layers': hidden_layers depends on groups, which is "
                "chosen for each stage, but has the scope 'network'; remove `scope: stage` from "
                "groups, or the `when`"
            ),
        ),
        (
            "  nonlinearity",
            "  shuffle: [true, false]\n  nonlinearity",
            (
                "FILE:14: 'choices.shuffle': shuffle depends on groups, which is chosen for "
                "each stage, but has the scope 'network'; add `scope: stage` to it"
            ),
        ),
        (
            "  nonlinearity",
            "  num_stages: [1, 3]\n  nonlinearity",
            (
                "FILE:14: 'choices.num_stages': num_stages can be at most the number of stages "
                "listed, 2, but got 3; list more stages"
            ),
        ),
        (
            "  nonlinearity",
            "  num_stages: [0, 2]\n  nonlinearity",
            "FILE:14: 'choices.num_stages[0]' must be greater than or equal to 1, but got 0",
        ),
        (
            "  nonlinearity",
            "  num_stages: {scope: stage, options: [1, 2]}\n  nonlinearity",
            (
                "FILE:14: 'choices.num_stages.scope': num_stages is a choice of the network; "
                "remove `scope: stage`"
            ),
        ),
        (
            "  nonlinearity",
            "  num_stages: many\n  nonlinearity",
            "FILE:14: 'choices.num_stages' must be a valid integer, but got 'many'",
        ),
        (
            "  nonlinearity",
            (
                "  widening: [convolution, duplicate]\n  "
                "downsampling: {scope: stage, options: [real-1x1, duplicate]}\n  "
                "nonlinearity"
            ),
            (
                "FILE:14: 'choices.widening': widening depends on groups, which is chosen for "
                "each stage, but has the scope 'network'; add `scope: stage` to it\n"
                "FILE:14: 'choices.widening': widening='duplicate' and "
                "downsampling='duplicate' can be the same network, so both need the same "
                "scope, but widening has 'network' and downsampling 'stage'; add `scope: "
                "stage` to widening"
            ),
        ),
        (
            "  nonlinearity",
            "  activation_beta: [fast, 5]\n  nonlinearity",
            (
                "FILE:14: 'choices.activation_beta[0]' must be a valid number or be "
                "'learnable', but got 'fast'"
            ),
        ),
        (
            "  nonlinearity",
            "  width_factor: [0, 5]\n  nonlinearity",
            "FILE:14: 'choices.width_factor[0]' must be greater than 0, but got 0",
        ),
        (
            "options: [1, 2]\n  non",
            "options: [3]\n  non",
            (
                "FILE: small: every choice needs a valid option, but stage1.groups has none "
                "with width=8, width_factor=1.0: groups must divide the input and output "
                "channels, but got groups=3 with 8 -> 8 channels; take a common divisor of both"
            ),
        ),
        (
            "options: [1, 2]\n  non",
            "options: [1, 2]\n    source: [1]\n  non",
            "FILE:14: 'choices.groups.source' must be a valid string, but got [1]",
        ),
        (
            "stages:\n  - {stride: 1}\n  - {stride: 2, widen: 2}\n",
            "stages: []\n",
            "FILE:5: 'stages' must have at least 1 item, but got []",
        ),
        ("{stride: 1}", "{stride: 3}", "FILE:6: 'stages[0].stride' must be 1 or 2, but got 3"),
        (
            "{stride: 1}",
            "{strides: 1}",
            (
                "FILE:6: unknown key 'stages[0].strides', did you mean 'stride'?; allowed "
                "keys: stride, widen"
            ),
        ),
        ("{stride: 1}", "1", "FILE:6: 'stages[0]' must be a group of `key: value`, but got 1"),
        (
            "{stride: 1}\n  - {stride: 2, widen: 2}",
            (
                "{}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}\n  "
                "- {widen: 2}"
            ),
            (
                "FILE:5: 'stages' must have at most 16 items, but got [{}, {'widen': 2}, "
                "{'widen': 2}, {'widen': 2}, {'widen': 2}, {'widen': 2}, ...]"
            ),
        ),
        (
            "{stride: 1}\n  - {stride: 2, widen: 2}",
            (
                "{}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}\n  "
                "- {widen: 4}"
            ),
            (
                "FILE: small: every choice needs a valid option, but width_factor has none "
                "with width=8: a stage has 1 to 16384 channels, but got width=32768; take a "
                "width in this range"
            ),
        ),
        (
            "{depth: 1}",
            "{depth: 3}",
            "FILE: small: first candidate 'one': stage1.depth must be one of [1, 2], but got 3",
        ),
        (
            "{depth: 1}",
            "{deepth: 1}",
            (
                "FILE: small: first candidate 'one': unknown choice 'deepth', did you mean "
                "'depth'?; choices: stem, stem_bits, width, width_factor, kernel_size, "
                "activation_levels, activation_estimator, activation_beta, weight_estimator, "
                "weight_beta, threshold, weight_scale, weight_scale_init, regulariser, "
                "regulariser_weight, attention, padding, order, nonlinearity, shortcut, placement, "
                "widening, widening_groups, downsampling, downsampling_groups, head_pooling, "
                "hidden_layers, hidden_width, depth, groups, shuffle, mix"
            ),
        ),
        (
            "{depth: 1}",
            "{placement: after-addition}",
            (
                "FILE: small: first candidate 'one': placement has no effect together with the "
                "others; remove it"
            ),
        ),
        (
            "{depth: 1}",
            "{stage3.depth: 1}",
            (
                "FILE: small: first candidate 'one': unknown choice 'stage3.depth', did you mean "
                "'stage2.depth'?; choices: stem, stem_bits, width, width_factor, kernel_size, "
                "activation_levels, activation_estimator, activation_beta, weight_estimator, "
                "weight_beta, threshold, weight_scale, weight_scale_init, regulariser, "
                "regulariser_weight, attention, padding, order, nonlinearity, shortcut, placement, "
                "widening, widening_groups, downsampling, downsampling_groups, head_pooling, "
                "hidden_layers, hidden_width, depth, groups, shuffle, mix"
            ),
        ),
        (
            "{depth: 1}",
            "[1]",
            "FILE:17: 'first_candidates[0].choices' must be a group of `key: value`, but got [1]",
        ),
        (
            "{depth: 1}",
            "{depth: [1]}",
            (
                "FILE:17: 'first_candidates[0].choices.depth' must be a valid string or be a "
                "valid integer or be a valid number or be a valid boolean, but got [1]"
            ),
        ),
        (
            "choices: {depth: 1}",
            "design: bireal18",
            (
                "FILE: small: first candidate 'one': unknown design 'bireal18'; did you mean "
                "'bireal-18'? published designs: binaryduo-resnet18, bireal-18, bireal-34, "
                "bnn-plus-alexnet, bnn-plus-resnet18, bnn-plus-vgg, ftbnn, reactnet-a, reactnet-b, "
                "reactnet-c, reactnet-resnet18, real-to-binary-resnet18, resnet20-bireal, "
                "resnet20-reactnet, vgg-small, xnor-resnet18; or give a JSON or YAML file, or "
                "RUN/DIGEST"
            ),
        ),
        (
            "choices: {depth: 1}",
            "design: bireal-18",
            (
                "FILE: small: first candidate 'one': the architecture f8c417777c10 is not in "
                "the space small: it must have 2 stages, but it has 4"
            ),
        ),
        (
            "choices: {depth: 1}",
            "design: resnet20-bireal",
            (
                "FILE: small: first candidate 'one': the architecture 83e494da74dd is not in "
                "the space small: it must have 2 stages, but it has 3"
            ),
        ),
        (
            "choices: {depth: 1}",
            "design: bireal-18\n    choices: {depth: 1}",
            (
                "FILE:16: 'first_candidates[0]': a first candidate has either a design or "
                "choices; drop one of them"
            ),
        ),
        ("skeleton: resnet\n", "", "FILE:2: the key 'skeleton' is missing; add it"),
        (
            "skeleton: resnet\n",
            "skeleton: resnext\n",
            (
                "FILE:4: 'skeleton' must be 'resnet', 'mobilenet' or 'vgg', but got 'resnext', did "
                "you mean 'resnet'?"
            ),
        ),
        ("name: small", "name: 5", "FILE:2: 'name' must be a valid string, but got 5"),
        (
            "name: small",
            "nam: small",
            (
                "FILE:2: the key 'name' is missing; add it\n"
                "FILE:2: unknown key 'nam', did you mean 'name'?; allowed keys: name, "
                "description, skeleton, stages, choices, first_candidates"
            ),
        ),
        (
            "choices:\n",
            "choice:\n",
            (
                "FILE:2: the key 'choices' is missing; add it\n"
                "FILE:8: unknown key 'choice', did you mean 'choices'?; allowed keys: name, "
                "description, skeleton, stages, choices, first_candidates"
            ),
        ),
        (
            "first_candidates:\n  - name: one",
            "first_candidates:\n  - nam: one",
            (
                "FILE:16: the key 'first_candidates[0].name' is missing; add it\n"
                "FILE:16: unknown key 'first_candidates[0].nam', did you mean 'name'?; allowed "
                "keys: name, design, choices"
            ),
        ),
        ("  width: [8, 16]\n", "", "FILE:8: the key 'choices.width' is missing; add it"),
    ],
)
def test_one_message(old: str, new: str, expected: str, load: Any, tmp_path: Any) -> None:
    assert old in GOOD
    with pytest.raises(InvalidSpace) as caught:
        load(GOOD.replace(old, new))
    assert str(caught.value).replace(str(tmp_path / "space.yaml"), "FILE") == expected


DIVIDE = "groups must divide the input and output channels, but got"


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (
            "width: [8, 12], depth: 1, groups: {scope: stage, options: [8]}",
            (
                f"stage1.groups has none with width=12, width_factor=1.0: {DIVIDE} groups=8 with "
                "12 -> 12 channels; take a common divisor of both"
            ),
        ),
        (
            "width: 6, depth: [1, 2], groups: [2, 4], width_factor: {scope: stage, options: [1]}",
            (
                f"stage1.width_factor has none with width=6, groups=4: {DIVIDE} groups=4 with "
                "6 -> 6 channels; take a common divisor of both"
            ),
        ),
        (
            "width: 3, depth: 1, width_factor: {scope: stage, options: [0.1]}",
            (
                "stage1.width_factor has none with width=3, groups=1: a stage has 1 to 16384 "
                "channels, but got width=0; take a width in this range"
            ),
        ),
        (
            (
                "width: 16384, depth: 1, stem: [7x7-pool, 3x3], "
                "width_factor: {scope: stage, options: [0.5], when: {stem: 7x7-pool}}"
            ),
            (
                "stage2.width_factor has none with stem='3x3', width=16384, groups=1, "
                "stage1.width_factor=1.0: a stage has 1 to 16384 channels, but got width=32768; "
                "take a width in this range"
            ),
        ),
        (
            "width: 8, depth: 1, widening: [convolution, duplicate], downsampling: duplicate",
            (
                "downsampling has none with width=8, width_factor=1.0, shortcut='conv', groups=1, "
                "widening='convolution': ['duplicate'] are the same networks as options of earlier "
                "choices; add another option"
            ),
        ),
    ],
)
def test_dead_ends(choices: str, expected: str, load: Any, tmp_path: Any) -> None:
    frames = "stages: [{stride: 1}, {stride: 2, widen: 2}]"
    head = "name: small\ndescription: ''\nskeleton: resnet"
    with pytest.raises(InvalidSpace) as caught:
        load(f"{head}\n{frames}\nchoices: {{{choices}}}\n")
    path = tmp_path / "space.yaml"
    assert str(caught.value) == f"{path}: small: every choice needs a valid option, but {expected}"
