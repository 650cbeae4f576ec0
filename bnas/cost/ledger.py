"""The cost ledger: every layer of a design with its price, from shapes alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from bnas.architecture.model import Architecture, Nonlinearity
from bnas.architecture.plan import BlockPlan, Conv, Shortcut, StemPlan, UnitPlan, plan
from bnas.cost.pricing import (
    LayerCost,
    Totals,
    channelwise_cost,
    conv_cost,
    linear_cost,
    total,
)

Cost: TypeAlias = Literal["ops", "bops", "flops", "ace", "packed_bytes"]
COSTS: tuple[Cost, ...] = get_args(Cost)

_NONLINEARITY_PARAMS: dict[Nonlinearity, int] = {
    "relu": 0,
    "hardtanh": 0,
    "prelu": 1,
    "rprelu": 3,
    "prelu2": 2,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """The layers of a network in order of execution; `totals` is their sum."""

    layers: tuple[LayerCost, ...]
    totals: Totals

    @property
    def float_twin_flops(self) -> int:
        """FLOPs of the same network with every operand real."""
        return self.totals.bops + self.totals.flops


def ledger(
    architecture: Architecture, *, image_size: int, num_classes: int, in_channels: int = 3
) -> Ledger:
    """Prices a valid architecture for square images.

    Args:
        architecture: The design.
        image_size: Height and width of an image in pixels.
        num_classes: Outputs of the classifier.
        in_channels: Channels of an image.
    """
    network = plan(architecture, in_channels=in_channels)
    layers: list[LayerCost] = []
    size = _halved(image_size, network.stem.conv.stride)
    layers.extend(_stem(network.stem, size))
    if network.stem.pool:
        size = _halved(size, 2)
    for block in network.blocks:
        layers.extend(_block(block, size))
        for unit in block.units:
            size = _halved(size, unit.convs[0].stride)
    head = network.head
    layers.append(
        linear_cost(name=head.name, in_features=head.in_channels, out_features=num_classes)
    )
    rows = tuple(layers)
    return Ledger(layers=rows, totals=total(rows))


def _halved(size: int, stride: int) -> int:
    return -(-size // stride)


def _stem(stem: StemPlan, size: int) -> Iterator[LayerCost]:
    yield _conv(stem.conv, size)
    yield _norm(f"{stem.name}.norm", stem.conv.out_channels, size)


def _block(block: BlockPlan, size: int) -> Iterator[LayerCost]:
    for unit in block.units:
        yield from _unit(unit, size)
        size = _halved(size, unit.convs[0].stride)
    if block.shortcut is not None:
        yield from _shortcut(block.shortcut, size)
    yield from _nonlinearity(block.name, block.nonlinearity, block.out_channels, size)


def _unit(unit: UnitPlan, in_size: int) -> Iterator[LayerCost]:
    design = unit.design
    size = _halved(in_size, unit.convs[0].stride)
    norm_first = design.order == "norm-sign-conv"
    if norm_first:
        yield _norm(f"{unit.name}.norm", unit.in_channels, in_size)
    if design.threshold == "learnable":
        yield channelwise_cost(
            name=f"{unit.name}.threshold",
            kind="threshold",
            channels=unit.in_channels,
            out_size=in_size,
            trained=1,
            deployed=1,
        )
    for conv in unit.convs:
        yield _conv(conv, size)
        if design.weight_scale != "none":
            yield channelwise_cost(
                name=f"{conv.name}.scale",
                kind="scale",
                channels=conv.out_channels,
                out_size=size,
                trained=int(design.weight_scale == "learned"),
                deployed=1,
            )
    if not norm_first:
        yield _norm(f"{unit.name}.norm", unit.out_channels, size)
    if unit.shortcut is not None:
        yield from _shortcut(unit.shortcut, size)
    yield from _nonlinearity(unit.name, unit.nonlinearity, unit.out_channels, size)


def _shortcut(shortcut: Shortcut, size: int) -> Iterator[LayerCost]:
    if shortcut.conv is not None:
        yield _conv(shortcut.conv, size)
        yield _norm(f"{shortcut.name}.norm", shortcut.out_channels, size)


def _nonlinearity(owner: str, kind: Nonlinearity, channels: int, size: int) -> Iterator[LayerCost]:
    if kind != "none":
        params = _NONLINEARITY_PARAMS[kind]
        yield channelwise_cost(
            name=f"{owner}.nonlinearity",
            kind="nonlinearity",
            channels=channels,
            out_size=size,
            trained=params,
            deployed=params,
        )


def _conv(conv: Conv, size: int) -> LayerCost:
    return conv_cost(
        name=conv.name,
        in_channels=conv.in_channels,
        out_channels=conv.out_channels,
        kernel_size=conv.kernel_size,
        groups=conv.groups,
        binary=conv.binary,
        out_size=size,
    )


def _norm(name: str, channels: int, size: int) -> LayerCost:
    return channelwise_cost(
        name=name, kind="norm", channels=channels, out_size=size, trained=2, deployed=2
    )
