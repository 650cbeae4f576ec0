"""Design files: read as they are meant, or refused with file, line, key, value, rule and remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from bnas.architecture import design_to_dict, digest, from_dict, load_design, published_names
from bnas.errors import InvalidArchitecture

GOOD = """\
# comment
name: mine
image_size: 32
skeleton: resnet
stem: {kind: 3x3, width: 16}
unit:
  activation_estimator: ste
  groups: 2
stages:
  - {depth: 1, width: 16}
  - depth: 2
    width: 32
    stride: 2
    downsampling: real-1x1
    unit: {groups: 4}
"""
UNREADABLE = (
    "the file must be readable, but No such file or directory; correct the path or its permissions"
)
NAMES = (
    "binaryduo-resnet18, bireal-18, bireal-34, bnn-plus-alexnet, bnn-plus-resnet18, bnn-plus-vgg, "
    "ftbnn, reactnet-a, reactnet-b, reactnet-c, reactnet-resnet18, real-to-binary-resnet18, "
    "resnet20-bireal, resnet20-reactnet, vgg-small, xnor-resnet18"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def message(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(InvalidArchitecture) as caught:
        load_design(path)
    return str(caught.value).replace(str(path), "FILE")


def test_the_shared_unit_reaches_every_stage(file: Path) -> None:
    file.write_text(GOOD)
    design = load_design(file)
    first, second = design.architecture.stages
    assert (first.unit.groups, second.unit.groups) == (2, 4)
    assert first.unit.activation_estimator == second.unit.activation_estimator == "ste"
    assert (design.name, design.image_size, design.num_classes) == ("mine", 32, 1000)


def test_what_is_left_out(file: Path) -> None:
    file.write_text("skeleton: resnet\nstem: {width: 8}\nstages: [{depth: 1, width: 8}]\n")
    design = load_design(file)
    assert (design.name, design.image_size, design.num_classes) == ("mine", 224, 1000)
    assert (design.in_channels, design.description, design.source) == (3, "", "")


@pytest.mark.parametrize("name", published_names())
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_published_designs_survive_a_file(name: str, suffix: str, tmp_path: Path) -> None:
    design = load_design(name)
    assert (design.name, design.source != "") == (name, True)
    path = tmp_path / f"copy{suffix}"
    path.write_text(json.dumps(design_to_dict(design)))
    copy = load_design(path)
    assert digest(copy.architecture) == digest(design.architecture)
    assert design_to_dict(copy) == design_to_dict(design)


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_as_other_programs_write_it(indent: Any, tmp_path: Path) -> None:
    data = {**design_to_dict(load_design("bireal-18")), "name": "é\U0001f600", "source": "a/b\t\\"}
    path = tmp_path / "design.json"
    path.write_text(json.dumps(data, indent=indent))
    assert (load_design(path).name, load_design(path).source) == ("é\U0001f600", "a/b\t\\")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "image_size: 32",
            "image_size: 0",
            "FILE:3: 'image_size' must be greater than or equal to 1, but got 0",
        ),
        (
            "image_size: 32",
            "image_size: big",
            "FILE:3: 'image_size' must be a valid integer, but got 'big'",
        ),
        ("image_size: 32", "schema: 2", "FILE:3: 'schema' must be 1, but got 2"),
        (
            "image_size: 32",
            "num_classes: 2.0",
            "FILE:3: 'num_classes' must be a valid integer, but got 2.0",
        ),
        (
            "image_size: 32",
            "imagesize: 3",
            (
                "FILE:3: unknown key 'imagesize', did you mean 'image_size'?; allowed keys: "
                "schema, skeleton, stem, unit, stages, head, name, description, source, "
                "image_size, num_classes, in_channels, published"
            ),
        ),
        (
            "skeleton: resnet",
            "skeleton: vgx",
            (
                "FILE:4: 'skeleton' must be 'resnet', 'mobilenet' or 'vgg', but got 'vgx', "
                "did you mean 'vgg'?"
            ),
        ),
        (
            "kind: 3x3",
            "kind: 5x5",
            (
                "FILE:5: 'stem.kind' must be '3x3', '3x3-stride2', '7x7-pool', '11x11-pool' or "
                "'grouped', but got '5x5'"
            ),
        ),
        (
            "width: 16}\nunit",
            "width: 1000000000}\nunit",
            "FILE:5: 'stem.width' must be less than or equal to 16384, but got 1000000000",
        ),
        (
            "width: 16}\nunit",
            "widht: 16}\nunit",
            (
                "FILE:5: the key 'stem.width' is missing; add it\nFILE:5: unknown key "
                "'stem.widht', did you mean 'width'?; allowed keys: kind, width, bits"
            ),
        ),
        (
            "activation_estimator: ste",
            "activation_estimator: st",
            (
                "FILE:7: 'unit.activation_estimator' must be 'ste', 'approxsign', 'signswish', "
                "'ede', 'rbnn', 'reste', 'dsq' or 'fda', but got 'st', did you mean 'ste'?"
            ),
        ),
        (
            "activation_estimator: ste",
            "activation: ste",
            (
                "FILE:7: unknown key 'unit.activation', did you mean 'activation_beta'?; allowed "
                "keys: activation_levels, activation_estimator, activation_beta, weight_estimator, "
                "weight_beta, threshold, weight_scale, weight_scale_init, regulariser, "
                "regulariser_weight, attention, padding, order, nonlinearity, placement, shortcut, "
                "groups, shuffle, mix"
            ),
        ),
        (
            "activation_estimator: ste",
            "activation_beta: -1",
            "FILE:7: 'unit.activation_beta' must be greater than 0 or be 'learnable', but got -1",
        ),
        (
            "activation_estimator: ste",
            "activation_beta: .nan",
            (
                "FILE:7: 'unit.activation_beta' must be a valid number or be 'learnable', but "
                "got '.nan'"
            ),
        ),
        (
            "groups: 2",
            "groups: 3",
            (
                "FILE:8: 'unit.groups': in stages[0], groups must divide the input and output "
                "channels, but got groups=3 with 16 -> 16 channels; take a common divisor of "
                "both"
            ),
        ),
        (
            "groups: 2",
            "groups: two",
            "FILE:8: 'unit.groups' must be a valid integer, but got 'two'",
        ),
        (
            "groups: 4",
            "groups: 3",
            (
                "FILE:15: 'stages[1].unit.groups': groups must divide the input and output "
                "channels, but got groups=3 with 16 -> 32 channels; take a common divisor of "
                "both"
            ),
        ),
        (
            "groups: 4",
            "shuffel: true",
            (
                "FILE:15: unknown key 'stages[1].unit.shuffel', did you mean 'shuffle'?; allowed "
                "keys: activation_levels, activation_estimator, activation_beta, weight_estimator, "
                "weight_beta, threshold, weight_scale, weight_scale_init, regulariser, "
                "regulariser_weight, attention, padding, order, nonlinearity, placement, shortcut, "
                "groups, shuffle, mix"
            ),
        ),
        (
            "groups: 4",
            "shuffle: 1",
            "FILE:15: 'stages[1].unit.shuffle' must be a valid boolean, but got 1",
        ),
        (
            "unit: {groups: 4}",
            "unit: 4",
            "FILE:15: 'stages[1].unit' must be a group of `key: value`, but got 4",
        ),
        (
            "unit: {groups: 4}",
            "unit:",
            "FILE:15: 'stages[1].unit' must be a group of `key: value`, but got None",
        ),
        (
            "unit:\n  activation_estimator: ste\n  groups: 2",
            "unit: 3",
            "FILE:6: 'unit' must be a group of `key: value`, but got 3",
        ),
        (
            "depth: 2",
            "depth: 0",
            "FILE:11: 'stages[1].depth' must be greater than or equal to 1, but got 0",
        ),
        (
            "depth: 2",
            "depth: 257",
            "FILE:11: 'stages[1].depth' must be less than or equal to 256, but got 257",
        ),
        (
            "    width: 32",
            "    width: -1",
            "FILE:12: 'stages[1].width' must be greater than or equal to 1, but got -1",
        ),
        ("stride: 2", "stride: 4", "FILE:13: 'stages[1].stride' must be 1 or 2, but got 4"),
        (
            "downsampling: real-1x1",
            "downsampling: real1x1",
            (
                "FILE:14: 'stages[1].downsampling' must be 'real-1x1', 'binary-1x1', 'duplicate' "
                "or 'zero-pad', but got 'real1x1', did you mean 'real-1x1'?"
            ),
        ),
        (
            "downsampling: real-1x1",
            "downsampling_groups: 3",
            (
                "FILE:14: 'stages[1].downsampling_groups': groups must divide the input and "
                "output channels, but got downsampling_groups=3 with 16 -> 32 channels; take a "
                "common divisor of both"
            ),
        ),
        (
            "downsampling: real-1x1",
            "widening: duplicate\n    junk: 1",
            (
                "FILE:15: unknown key 'stages[1].junk'; allowed keys: depth, width, stride, "
                "kernel_size, unit, downsampling, downsampling_groups, widening, widening_groups"
            ),
        ),
        (
            "    width: 32",
            "    width: 48\n    widening: duplicate",
            (
                "FILE:13: 'stages[1].widening': widening by channel duplication doubles the "
                "channels, but got widening='duplicate' with 16 -> 48 channels; double the "
                "width or take 'convolution'"
            ),
        ),
        (
            "stages:",
            "stage:",
            (
                "FILE:2: the key 'stages' is missing; add it\nFILE:9: unknown key 'stage', did you "
                "mean 'stages'?; allowed keys: schema, skeleton, stem, unit, stages, head, name, "
                "description, source, image_size, num_classes, in_channels, published"
            ),
        ),
    ],
)
def test_one_message(old: str, new: str, expected: str, file: Path) -> None:
    assert old in GOOD
    assert message(file, GOOD.replace(old, new)) == expected


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("[]", "'stages' must have at least 1 item, but got []"),
        ("{a: 1}", "'stages' must be a list, but got {'a': 1}"),
        ("[3]", "'stages[0]' must be a group of `key: value`, but got 3"),
        (
            "[" + "{depth: 1, width: 8}, " * 17 + "]",
            "'stages' must have at most 16 items, but got ["
            + "{'depth': 1, 'width': 8}, " * 6
            + "...]",
        ),
    ],
)
def test_wrong_stages(stages: str, expected: str, file: Path) -> None:
    start = GOOD[: GOOD.index("stages:")]
    assert message(file, f"{start}stages: {stages}\n") == f"FILE:9: {expected}"


def test_a_wrong_value_in_json(tmp_path: Path) -> None:
    text = json.dumps(design_to_dict(load_design("bireal-18")), indent="\t")
    (line,) = (n for n, t in enumerate(text.splitlines(), start=1) if '"width": 512' in t)
    assert message(tmp_path / "x.json", text.replace('"width": 512', '"width": 5.5')) == (
        f"FILE:{line}: 'stages[3].width' must be a valid integer, but got 5.5"
    )
    assert message(tmp_path / "x.json", text.replace('"schema": 1,', '"schema": 1')) == (
        "FILE:7: while parsing a flow mapping: expected ',' or '}', but got ':'"
    )
    assert message(tmp_path / "x.json", '{"name": "\\ud83d"}') == (
        "FILE:1: an escape must be a whole character, not half of a surrogate pair"
    )


def test_every_broken_rule_is_told(file: Path) -> None:
    text = GOOD.replace("groups: 2", "groups: 3").replace("groups: 4", "groups: 5")
    assert message(file, text).splitlines() == [
        (
            "FILE:8: 'unit.groups': in stages[0], groups must divide the input and output "
            "channels, but got groups=3 with 16 -> 16 channels; take a common divisor of both"
        ),
        (
            "FILE:15: 'stages[1].unit.groups': groups must divide the input and output "
            "channels, but got groups=5 with 16 -> 32 channels; take a common divisor of both"
        ),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "bireal18",
            (
                f"unknown design 'bireal18'; did you mean 'bireal-18'? published designs: {NAMES}; "
                "or give a JSON or YAML file, or RUN/DIGEST"
            ),
        ),
        (
            "",
            (
                f"unknown design ''; published designs: {NAMES}; "
                "or give a JSON or YAML file, or RUN/DIGEST"
            ),
        ),
        ("no/such", f"no/such: {UNREADABLE}"),
        ("no.json", f"no.json: {UNREADABLE}"),
        ("\0.yaml", "a path must be one that a file can have, but got '\\x00.yaml'"),
    ],
)
def test_no_such_design(name: str, expected: str) -> None:
    with pytest.raises(InvalidArchitecture) as caught:
        load_design(name)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], ["the value must be a group of `key: value`, but got []"]),
        (
            {"skeleton": "vgx"},
            [
                (
                    "'skeleton' must be 'resnet', 'mobilenet' or 'vgg', but got 'vgx', "
                    "did you mean 'vgg'?"
                ),
                "the key 'stem' is missing; add it",
                "the key 'stages' is missing; add it",
            ],
        ),
    ],
)
def test_what_is_no_architecture(data: Any, expected: list[str]) -> None:
    with pytest.raises(InvalidArchitecture) as caught:
        from_dict(data)
    assert str(caught.value).splitlines() == [f"architecture: {line}" for line in expected]
