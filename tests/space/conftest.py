"""Small spaces, and a brute-force twin of what a space is."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bnas.architecture import Architecture, Head, Stage, Stem, Unit, canonical
from bnas.space import SearchSpace, SpaceDefinition, load_space

Loader = Callable[[str], SearchSpace]
BruteForce = Callable[[SearchSpace], set[Architecture]]

_DEFAULTS = {"width_factor": 1.0, "activation_estimator": "ste", "activation_beta": 5.0}
_DEFAULTS |= {"weight_estimator": "ste", "weight_beta": 5.0, "threshold": "fixed", "groups": 1}
_DEFAULTS |= {"weight_scale": "none", "order": "sign-conv-norm", "nonlinearity": "none"}
_DEFAULTS |= {"shortcut": "conv", "placement": "after-addition", "shuffle": False, "stem": "3x3"}
_DEFAULTS |= {"widening": "convolution", "downsampling": "real-1x1", "downsampling_groups": 1}
_DEFAULTS |= {"stem_bits": 32, "kernel_size": 3, "activation_levels": "signed", "mix": False}
_DEFAULTS |= {"weight_scale_init": "mean", "regulariser": "none", "regulariser_weight": 1e-6}
_DEFAULTS |= {"attention": "none", "padding": "zero", "widening_groups": 1}
_DEFAULTS |= {"head_pooling": "average", "hidden_layers": 0, "hidden_width": 1024}
_OF_STAGE = ("kernel_size", "widening", "widening_groups", "downsampling", "downsampling_groups")
_OF_NETWORK = ("stem", "num_stages", "width", "stem_bits")
_OF_HEAD = ("head_pooling", "hidden_layers", "hidden_width")


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    """Loads a space from the text of its file."""

    def from_text(text: str) -> SearchSpace:
        path = tmp_path / "space.yaml"
        path.write_text(text)
        return load_space(path)

    return from_text


@pytest.fixture(scope="session")
def brute_force() -> BruteForce:
    """Every valid architecture of a space, by trying all options of all choices."""
    return lambda space: {
        canonical(architecture)
        for part in space.definition.parts.values()
        for point in _assignments(part)
        if (architecture := _built(part, point)) is not None
    }


def _assignments(definition: SpaceDefinition) -> Iterator[dict[str, Any]]:
    """Options by name, of which "stage2.groups" goes before "groups"."""
    named: dict[str, Any] = {}
    for field, choice in definition.choices:
        if choice is not None and choice.scope == "network":
            named[field] = choice.options
        elif choice is not None:
            for stage in range(len(definition.stages)):
                named[f"stage{stage + 1}.{field}"] = choice.options
    for options in product(*named.values()):
        yield dict(zip(named, options, strict=True))


def _head(pooling: Any, layers: int, width: int) -> Head:
    return Head(pooling=pooling, hidden=(width,) * layers)


def _built(definition: SpaceDefinition, point: dict[str, Any]) -> Architecture | None:
    stages: list[Stage] = []
    head = Head()
    plain = in_channels = point["width"]
    for index in range(point.get("num_stages", len(definition.stages))):
        frame = definition.stages[index]
        f = _stage_options(definition, point, index)
        plain *= frame.widen
        width = round(plain * f.pop("width_factor"))
        own = {field: f.pop(field) for field in ("depth", *_OF_STAGE)}
        head = _head(*(f.pop(field) for field in _OF_HEAD))
        stage = Stage(width=width, stride=frame.stride, unit=Unit(**f), **own)
        if not _is_valid(definition.skeleton, stage, in_channels):
            return None
        stages.append(stage)
        in_channels = width
    stem = Stem(kind=point["stem"], width=point["width"], bits=point["stem_bits"])
    if stem.kind == "grouped" and stem.width % 16:
        return None
    return Architecture(skeleton=definition.skeleton, stem=stem, stages=tuple(stages), head=head)


def _stage_options(
    definition: SpaceDefinition, point: dict[str, Any], stage: int
) -> dict[str, Any]:
    """The options of one stage; what `when` closes takes its default."""
    choices = {field: choice for field, choice in definition.choices if choice is not None}
    listed = {field: point.get(f"stage{stage + 1}.{field}", point.get(field)) for field in choices}
    found: dict[str, Any] = {}
    taken = listed
    while taken != found:  # What one choice closes may close another.
        found = taken
        taken = {
            field: listed[field]
            if all(found[name] in options for name, options in choices[field].when.items())
            else _DEFAULTS[field]
            for field in choices
        }
    return {f: option for f, option in found.items() if f not in _OF_NETWORK}


def _is_valid(skeleton: str, stage: Stage, inputs: int) -> bool:
    """The rules in other words, on what has an effect."""
    outputs, unit = stage.width, stage.unit
    valid = 1 <= outputs <= 16_384 and not (inputs % unit.groups or outputs % unit.groups)
    valid &= skeleton != "vgg" or unit.shortcut == "none"
    valid &= unit.activation_levels != "paired" or unit.order == "norm-sign-conv"
    if not valid or inputs == outputs:
        return valid
    if stage.widening == "duplicate":
        valid = outputs == 2 * inputs
    if stage.widening == "real":
        widening_groups = stage.widening_groups or 1
        valid = skeleton == "mobilenet" and not (
            inputs % widening_groups or outputs % widening_groups
        )
    concatenates = unit.shortcut == "conv" and stage.widening == "duplicate"
    if unit.shortcut == "none" or concatenates:
        return valid
    groups = stage.downsampling_groups or 1
    fits = {
        "real-1x1": not (inputs % groups or outputs % groups),
        "binary-1x1": True,
        "duplicate": outputs % inputs == 0,
        "zero-pad": outputs >= inputs,
    }
    return valid and fits[str(stage.downsampling)]
