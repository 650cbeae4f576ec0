"""Whether the binary layers of a design run fast on a deployed engine.

The rules are those of Larq Compute Engine's guide to optimising models
(docs.larq.dev/compute-engine/model_optimization_guide). A design that breaks one still runs, only
slower. Its rule against binary dense layers holds for every design: the classifier is real.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias, get_args

from bnas.architecture.model import Architecture
from bnas.architecture.plan import Conv, UnitPlan, plan

Target: TypeAlias = Literal["lce"]
TARGETS: tuple[Target, ...] = get_args(Target)

_PACKED_CHANNELS = 32
_PARALLEL_OUTPUTS = 8


class Breach(NamedTuple):
    """A broken rule.

    Attributes:
        layer: Name of the layer, as in the ledger.
        rule: Name of the rule.
        message: The rule, the value that breaks it, and what to do.
    """

    layer: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.message}"


def breaches(architecture: Architecture, *, target: Target) -> tuple[Breach, ...]:
    """Every rule of the target that a binary layer of a valid architecture breaks."""
    rules = _RULES[target]
    return tuple(
        Breach(conv.name, rule, message)
        for unit, conv in _binary_convs(architecture)
        for rule, broken in rules.items()
        if (message := broken(unit, conv)) is not None
    )


def _binary_convs(architecture: Architecture) -> Iterator[tuple[UnitPlan, Conv]]:
    for block in plan(architecture).blocks:
        for unit in block.units:
            for conv in unit.convs:
                yield unit, conv


def _input_channels(_: UnitPlan, conv: Conv) -> str | None:
    if conv.in_channels % _PACKED_CHANNELS == 0:
        return None
    return (
        f"input channels must be a multiple of {_PACKED_CHANNELS}, but got {conv.in_channels}; "
        "the engine pads them, so a wider layer costs the same"
    )


def _group_width(_: UnitPlan, conv: Conv) -> str | None:
    width = conv.in_channels // conv.groups
    if conv.groups == 1 or width % _PACKED_CHANNELS == 0:
        return None
    return (
        f"the input channels of a group must be a multiple of {_PACKED_CHANNELS}, but got {width} "
        f"({conv.in_channels} channels in {conv.groups} groups); take fewer groups or more channels"
    )


def _output_channels(_: UnitPlan, conv: Conv) -> str | None:
    if conv.out_channels % _PARALLEL_OUTPUTS == 0:
        return None
    return (
        f"output channels must be a multiple of {_PARALLEL_OUTPUTS}, but got {conv.out_channels}; "
        "the engine computes so many at once, so a wider layer costs the same"
    )


def _padding(_: UnitPlan, conv: Conv) -> str | None:
    if conv.kernel_size == 1:
        return None
    return (
        f"padding must be with one, but this {conv.kernel_size}x{conv.kernel_size} convolution "
        "pads with zero, which has no bit: the engine corrects the edges and fuses nothing into "
        "the layer; train it with a padding of one"
    )


def _order(unit: UnitPlan, _: Conv) -> str | None:
    design = unit.design
    if design.order == "norm-sign-conv":
        found = "got the norm in front of the sign"
    elif design.nonlinearity != "none" and design.placement != "before-norm":
        found = f"got {design.nonlinearity} behind the norm"
    else:
        return None
    return (
        "convolution, non-linearity and norm must stand in this order to be fused, but "
        f"{found}; take order 'sign-conv-norm' and placement 'before-norm'"
    )


_RULES: Mapping[Target, Mapping[str, Callable[[UnitPlan, Conv], str | None]]] = MappingProxyType(
    {
        "lce": MappingProxyType(
            {
                "input-channels": _input_channels,
                "group-width": _group_width,
                "output-channels": _output_channels,
                "padding": _padding,
                "order": _order,
            }
        )
    }
)
