"""Whether the binary layers of a design run fast on a deployed engine.

The rules are those of Larq Compute Engine's guide to optimising models
(docs.larq.dev/compute-engine/model_optimization_guide). A design that breaks one still runs, only
slower. The binary 1x1 convolution of a shortcut is not looked at: its path is real-valued.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias, get_args

from bnas.architecture.model import Architecture
from bnas.architecture.nodes import Conv, UnitPlan
from bnas.architecture.plan import plan

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


def breaches(
    architecture: Architecture, *, target: Target, image_size: int = 224
) -> tuple[Breach, ...]:
    """Every rule of the target that a binary layer of a valid architecture breaks.

    Args:
        architecture: The design.
        target: The engine.
        image_size: Height and width of an image in pixels; matters where the head flattens.
    """
    rules = _RULES[target]
    return tuple(
        Breach(conv.name, rule, message)
        for unit, conv in _binary_convs(architecture, image_size)
        for rule, broken in rules.items()
        if (message := broken(unit, conv)) is not None
    )


def _binary_convs(architecture: Architecture, image_size: int) -> Iterator[tuple[UnitPlan, Conv]]:
    network = plan(architecture, image_size=image_size)
    units = [unit for block in network.blocks for unit in block.units]
    for unit in (*units, *network.head.units):
        for conv in unit.convs:
            if conv.bits == 1:
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


def _padding(unit: UnitPlan, conv: Conv) -> str | None:
    if conv.kernel_size == 1 or unit.design.padding == "one":
        return None
    return (
        f"padding must be with one, but this {conv.kernel_size}x{conv.kernel_size} convolution "
        "pads with zero, which has no bit: the engine corrects the edges and fuses nothing into "
        "the layer; train it with a padding of one"
    )


def _order(unit: UnitPlan, _: Conv) -> str | None:
    design = unit.design
    if unit.attention is not None:
        return (
            "convolution, non-linearity and norm must follow each other to be fused, but got an "
            f"attention of kind {design.attention!r} between them; take attention 'none'"
        )
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


def _levels(unit: UnitPlan, _: Conv) -> str | None:
    if unit.design.activation_levels == "signed":
        return None
    return (
        "binary activations must be -1 and +1, but got "
        f"activation_levels={unit.design.activation_levels!r}, which are 0 and 1; take 'signed'"
    )


def _dense(unit: UnitPlan, _: Conv) -> str | None:
    if not unit.name.startswith("hidden."):
        return None
    return (
        "fully connected layers must be real-valued, but this one is binary; "
        "take a head without hidden layers"
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
                "levels": _levels,
                "dense": _dense,
            }
        )
    }
)
