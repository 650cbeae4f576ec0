"""What a stage may be: activity conditions, validity rules and equivalences, each in one place.

All three speak of the fields of one stage: those of `Stage` and `Unit` by their names, and
`in_channels` and `out_channels`, its first input and its output. They are used to validate and
canonicalise architectures, and by search spaces to offer only valid, distinct options, which is
why each states the fields that it reads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bnas.architecture.model import MAX_CHANNELS, Architecture, Stage, Unit

Fields: TypeAlias = Mapping[str, Any]

# Its last convolution maps half the width to the width in 8 groups.
GROUPED_STEM_MULTIPLE = 16


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a field has an effect, and which value it then takes if none is given."""

    field: str
    reads: tuple[str, ...]
    holds: Callable[[Fields], bool]
    default: Any
    inactive: Any = None


CONDITIONS: tuple[Condition, ...] = (
    Condition(
        field="activation_estimator",
        reads=("activation_levels",),
        holds=lambda f: f["activation_levels"] == "signed",
        default="ste",
    ),
    Condition(
        field="threshold",
        reads=("activation_levels",),
        holds=lambda f: f["activation_levels"] == "signed",
        default="fixed",
    ),
    Condition(
        field="weight_scale_init",
        reads=("weight_scale",),
        holds=lambda f: f["weight_scale"] == "learned",
        default="mean",
    ),
    Condition(
        field="regulariser",
        reads=("weight_scale",),
        holds=lambda f: f["weight_scale"] == "learned",
        default="none",
    ),
    Condition(
        field="regulariser_weight",
        reads=("regulariser",),
        holds=lambda f: f["regulariser"] not in {None, "none"},
        default=1e-6,
    ),
    Condition(
        field="activation_beta",
        reads=("activation_estimator",),
        holds=lambda f: f["activation_estimator"] == "signswish",
        default=5.0,
    ),
    Condition(
        field="weight_beta",
        reads=("weight_estimator",),
        holds=lambda f: f["weight_estimator"] == "signswish",
        default=5.0,
    ),
    Condition(
        field="placement",
        reads=("nonlinearity",),
        holds=lambda f: f["nonlinearity"] != "none",
        default="after-addition",
    ),
    Condition(
        # With as many groups as channels there is one channel a group: nothing is shuffled.
        field="shuffle",
        reads=("groups", "in_channels", "out_channels"),
        holds=lambda f: 1 < f["groups"] < max(f["in_channels"], f["out_channels"]),
        default=False,
        inactive=False,
    ),
    Condition(
        field="mix",
        reads=("groups",),
        holds=lambda f: f["groups"] > 1,
        default=False,
        inactive=False,
    ),
    Condition(
        field="widening",
        reads=("in_channels", "out_channels"),
        holds=lambda f: f["in_channels"] != f["out_channels"],
        default="convolution",
    ),
    Condition(
        field="widening_groups",
        reads=("widening",),
        holds=lambda f: f["widening"] == "real",
        default=1,
    ),
    Condition(
        # Two concatenated convolutions repeat the shortcut of each: nothing is left to choose.
        field="downsampling",
        reads=("in_channels", "out_channels", "shortcut", "widening"),
        holds=lambda f: (
            f["in_channels"] != f["out_channels"]
            and f["shortcut"] != "none"
            and not (f["shortcut"] == "conv" and f["widening"] == "duplicate")
        ),
        default="real-1x1",
    ),
    Condition(
        field="downsampling_groups",
        reads=("downsampling",),
        holds=lambda f: f["downsampling"] == "real-1x1",
        default=1,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A validity rule: `breach` gives the broken rule in words, or None."""

    field: str
    reads: tuple[str, ...]
    breach: Callable[[Fields], str | None]


def _is_a_width(f: Fields) -> str | None:
    if 1 <= f["out_channels"] <= MAX_CHANNELS:
        return None
    return (
        f"a stage has 1 to {MAX_CHANNELS} channels, but got width={f['out_channels']}; "
        "take a width in this range"
    )


def _groups_divide(field: str) -> Callable[[Fields], str | None]:
    def breach(f: Fields) -> str | None:
        groups, inputs, outputs = f[field], f["in_channels"], f["out_channels"]
        if groups is None or (inputs % groups == 0 and outputs % groups == 0):
            return None
        return (
            f"groups must divide the input and output channels, "
            f"but got {field}={groups} with {inputs} -> {outputs} channels; "
            "take a common divisor of both"
        )

    return breach


def _duplicate_doubles(f: Fields) -> str | None:
    if f["widening"] != "duplicate" or f["out_channels"] == 2 * f["in_channels"]:
        return None
    return (
        "widening by channel duplication doubles the channels, but got widening='duplicate' with "
        f"{f['in_channels']} -> {f['out_channels']} channels; double the width or take "
        "'convolution'"
    )


def _shortcut_fits(f: Fields) -> str | None:
    kind, inputs, outputs = f["downsampling"], f["in_channels"], f["out_channels"]
    if kind == "duplicate" and outputs % inputs:
        return (
            "a shortcut that repeats channels needs a multiple of them, but got "
            f"downsampling='duplicate' with {inputs} -> {outputs} channels; take 'real-1x1'"
        )
    if kind == "zero-pad" and outputs < inputs:
        return (
            "a zero-padded shortcut cannot lose channels, but got downsampling='zero-pad' with "
            f"{inputs} -> {outputs} channels; take 'real-1x1'"
        )
    return None


def _stem_groups_divide(f: Fields) -> str | None:
    if f["stem"] != "grouped" or f["width"] % GROUPED_STEM_MULTIPLE == 0:
        return None
    return (
        f"the grouped stem needs a width that is a multiple of {GROUPED_STEM_MULTIPLE}, but got "
        f"width={f['width']}; take such a width or another stem"
    )


def _pairs_follow_a_norm(f: Fields) -> str | None:
    if f["activation_levels"] != "paired" or f["order"] == "norm-sign-conv":
        return None
    return (
        "paired activations get their two steps from the norm in front, but got "
        f"activation_levels='paired' with order={f['order']!r}; take order='norm-sign-conv'"
    )


def _plain_has_no_shortcut(f: Fields) -> str | None:
    if f["skeleton"] != "vgg" or f["shortcut"] == "none":
        return None
    return (
        f"the skeleton 'vgg' is plain, but got shortcut={f['shortcut']!r}; take shortcut='none', "
        "or the skeleton 'resnet'"
    )


def _real_widening_is_1x1(f: Fields) -> str | None:
    if f["widening"] != "real" or f["skeleton"] == "mobilenet":
        return None
    return (
        "only the 1x1 convolutions of the skeleton 'mobilenet' may widen real-valued, but got "
        f"widening='real' with skeleton={f['skeleton']!r}; take 'convolution'"
    )


_CHANNELS = ("in_channels", "out_channels")

RULES: tuple[Rule, ...] = (
    Rule(field="stem", reads=("stem", "width"), breach=_stem_groups_divide),
    Rule(field="width", reads=("out_channels",), breach=_is_a_width),
    Rule(
        field="activation_levels",
        reads=("activation_levels", "order"),
        breach=_pairs_follow_a_norm,
    ),
    Rule(field="shortcut", reads=("skeleton", "shortcut"), breach=_plain_has_no_shortcut),
    Rule(field="groups", reads=("groups", *_CHANNELS), breach=_groups_divide("groups")),
    Rule(field="widening", reads=("widening", *_CHANNELS), breach=_duplicate_doubles),
    Rule(field="widening", reads=("skeleton", "widening"), breach=_real_widening_is_1x1),
    Rule(
        field="widening_groups",
        reads=("widening_groups", *_CHANNELS),
        breach=_groups_divide("widening_groups"),
    ),
    Rule(field="downsampling", reads=("downsampling", *_CHANNELS), breach=_shortcut_fits),
    Rule(
        field="downsampling_groups",
        reads=("downsampling_groups", *_CHANNELS),
        breach=_groups_divide("downsampling_groups"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """Two ways to write one network, where `holds`: `written` is canonically `equals`.

    `field` is the one of `written` that is decided last.
    """

    field: str
    written: Mapping[str, Any]
    equals: Mapping[str, Any]
    reads: tuple[str, ...]
    holds: Callable[[Fields], bool]


EQUIVALENCES: tuple[Equivalence, ...] = (
    Equivalence(
        # No norm follows the convolution.
        field="placement",
        written={"placement": "before-norm"},
        equals={"placement": "before-addition"},
        reads=("order",),
        holds=lambda f: f["order"] == "norm-sign-conv",
    ),
    Equivalence(
        # There is no addition.
        field="placement",
        written={"placement": "after-addition"},
        equals={"placement": "before-addition"},
        reads=("shortcut",),
        holds=lambda f: f["shortcut"] == "none",
    ),
    Equivalence(
        # Without groups, two concatenated convolutions of one input are one wider convolution.
        field="widening",
        written={"widening": "duplicate"},
        equals={"widening": "convolution"},
        reads=("groups", "shortcut"),
        holds=lambda f: f["groups"] == 1 and f["shortcut"] != "conv",
    ),
    Equivalence(
        # The same, with the repeated shortcut: ReActNet's duplication under its own name.
        field="downsampling",
        written={"widening": "convolution", "downsampling": "duplicate"},
        equals={"widening": "duplicate", "downsampling": None},
        reads=("groups", "shortcut", "in_channels", "out_channels"),
        holds=lambda f: (
            f["groups"] == 1
            and f["shortcut"] == "conv"
            and f["out_channels"] == 2 * f["in_channels"]
        ),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A broken rule and where: `path` leads to the field, as in ("stages", 1, "unit", "groups")."""

    path: tuple[int | str, ...]
    message: str


def network_fields(architecture: Architecture) -> dict[str, Any]:
    """The fields of the network that rules read beside those of a stage."""
    stem = architecture.stem
    return {"skeleton": architecture.skeleton, "stem": stem.kind, "width": stem.width}


def stage_fields(stage: Stage, in_channels: int) -> dict[str, Any]:
    """The fields of one stage as conditions and equivalences read them, and most rules."""
    fields = {name: getattr(stage.unit, name) for name in stage.unit.__slots__}
    fields.update(
        in_channels=in_channels,
        out_channels=stage.width,
        kernel_size=stage.kernel_size,
        downsampling=stage.downsampling,
        downsampling_groups=stage.downsampling_groups,
        widening=stage.widening,
        widening_groups=stage.widening_groups,
    )
    return fields


def problems(architecture: Architecture) -> list[Problem]:
    """Every broken validity rule of a canonical architecture; empty for a valid one."""
    found: dict[Problem, None] = {}
    network = network_fields(architecture)
    in_channels = architecture.stem.width
    for index, stage in enumerate(architecture.stages):
        fields = {**network, **stage_fields(stage, in_channels)}
        for rule in RULES:
            message = rule.breach(fields)
            if message is not None:
                found[Problem(path=_path(rule.field, index), message=message)] = None
        in_channels = stage.width
    return [*found]


def _path(field: str, stage: int) -> tuple[int | str, ...]:
    if field == "stem":
        return ("stem", "kind")
    return ("stages", stage, *(("unit",) if field in Unit.__slots__ else ()), field)
