"""The layers of a network plan in order of execution, each with its price.

Activations are counted as a deployed network holds them for one image: real values in 4 bytes, the
outputs of a sign in bits. Element-wise layers work in place or are fused with the layer behind.
What is alive while a layer runs is its input, its output, and what waits for a later addition.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bnas.architecture.model import Nonlinearity, WeightScale
from bnas.architecture.nodes import (
    AttentionPlan,
    BlockPlan,
    HeadPlan,
    Shortcut,
    StemPlan,
    UnitPlan,
)
from bnas.architecture.plan import NetworkPlan, StagePlan
from bnas.cost.pricing import (
    BYTES_PER_REAL,
    Elementwise,
    conv_cost,
    elementwise_cost,
    linear_cost,
    pooling_cost,
    repeated,
)
from bnas.cost.totals import LayerCost

_NORM = Elementwise("norm", trained=2, deployed=2)
# Comparing with a threshold is what the sign behind it does.
_THRESHOLD = Elementwise("threshold", trained=1, deployed=1, operations=0)
_SIGN = Elementwise("sign")
_ADDITION = Elementwise("addition")
_RELU = Elementwise("nonlinearity")
_ATTENTION = Elementwise("attention")
_NONLINEARITIES: Mapping[Nonlinearity, Elementwise] = MappingProxyType(
    {
        "relu": _RELU,
        "hardtanh": Elementwise("nonlinearity"),
        "prelu": Elementwise("nonlinearity", trained=1, deployed=1),
        "rprelu": Elementwise("nonlinearity", trained=3, deployed=3, operations=3),
        "prelu2": Elementwise("nonlinearity", trained=2, deployed=2),
    }
)
_SCALES: Mapping[WeightScale, Elementwise] = MappingProxyType(
    {
        "mean": Elementwise("scale", trained=0, deployed=1),
        "mean-detached": Elementwise("scale", trained=0, deployed=1),
        "learned": Elementwise("scale", trained=1, deployed=1),
    }
)
# The multiplication is that of the norm behind the convolution.
_FOLDED_SCALES: Mapping[WeightScale, Elementwise] = MappingProxyType(
    {name: scale._replace(operations=0) for name, scale in _SCALES.items()}
)


def layers(network: NetworkPlan, *, image_size: int, num_classes: int) -> tuple[LayerCost, ...]:
    """Prices every layer for square images of `image_size` pixels."""
    rows = _stem(network.stem, image_size)
    for stage in network.stages:
        rows += _stage(stage, rows[-1].out_size)
    rows += _head(network.head, network.stages[-1].design.width, rows[-1].out_size, num_classes)
    return tuple(rows)


def _stage(stage: StagePlan, in_size: int) -> list[LayerCost]:
    depth = stage.depth
    rows = _block(stage.block(1), in_size)
    # Those that are alike; the last one is not where it pools.
    middle = depth - 1 if stage.pools else depth
    if middle > 1:
        second = stage.block(2)
        equals = _block(second, rows[-1].out_size)
        rows += equals
        others = [f"{stage.name}.block{number}" for number in range(3, middle + 1)]
        rows += repeated(equals, second.name, others)
    if 1 < depth > middle:
        rows += _block(stage.block(depth), rows[-1].out_size)
    return rows


def _stem(stem: StemPlan, size: int) -> list[LayerCost]:
    rows: list[LayerCost] = []
    output = 0
    for conv in stem.convs:
        number, channels = conv.name.removeprefix(f"{stem.name}.conv"), conv.out_channels
        inputs = _real_bytes(conv.in_channels, size)
        if rows:
            name = f"{stem.name}.nonlinearity{number}"
            rows.append(elementwise_cost(_RELU, name, conv.in_channels, size, inputs))
        size = _strided(size, conv.stride)
        output = _real_bytes(channels, size)
        rows.append(conv_cost(conv, size, inputs + output))
        rows.append(elementwise_cost(_NORM, f"{stem.name}.norm{number}", channels, size, output))
    if stem.pool:
        channels, size = rows[-1].out_channels, _strided(size, 2)
        live = output + _real_bytes(channels, size)
        rows.append(pooling_cost(f"{stem.name}.pool", channels, 3, size, live))
    return rows


def _head(head: HeadPlan, channels: int, size: int, num_classes: int) -> list[LayerCost]:
    rows: list[LayerCost] = []
    if not head.flatten:
        live = _real_bytes(channels, size) + _real_bytes(channels, 1)
        rows.append(pooling_cost("pool", channels, size, 1, live))
    for unit in head.units:
        rows += _unit(unit, 1, 0, stays=False)
    features = head.in_channels
    live = _real_bytes(features, 1) + _real_bytes(num_classes, 1)
    rows.append(linear_cost(head.name, features, num_classes, live))
    return rows


def _block(block: BlockPlan, in_size: int) -> list[LayerCost]:
    around = block.shortcut
    # What the addition at the end waits for is the input of the first unit.
    waiting = 0 if around is None else _real_bytes(around.in_channels, in_size)
    rows: list[LayerCost] = []
    size = in_size
    for unit in block.units:
        stays = not rows and around is not None
        rows += _unit(unit, size, waiting if rows else 0, stays=stays)
        size = rows[-1].out_size
    live = _real_bytes(block.out_channels, size)
    if around is not None:
        rows += _shortcut(around, block.name, size, waiting, live)
    if block.nonlinearity != "none":
        rows.append(_nonlinearity(block.name, block.nonlinearity, block.out_channels, size, live))
    return rows


def _unit(unit: UnitPlan, in_size: int, waiting: int, *, stays: bool) -> list[LayerCost]:
    """A unit, run while `waiting` bytes wait for the block's addition.

    Its own input waits for that too if it `stays`.
    """
    name, design, convs, in_channels, channels, shortcut, nonlinearity, placement = unit[:8]
    size = _strided(in_size, convs[0].stride)
    inputs, output = _real_bytes(in_channels, in_size), _real_bytes(channels, size)
    before = waiting + inputs
    others = before if shortcut is not None or stays else waiting
    after = output + (before if stays else waiting)

    if unit.attention is None and convs[0].bits == 1:
        rows = _binarisation(unit, in_size, before)
        packed = rows[-1].activation_bytes - before
        rows += _convolutions(unit, size, others + output + packed)
    else:
        rows = _with_the_input(unit, (in_size, size), before, others + output)
    if unit.pool:
        size = _strided(size, 2)
        pooled = _real_bytes(channels, size)
        rows.append(pooling_cost(f"{name}.pool", channels, 2, size, others + output + pooled))
        after += pooled - output
        output = pooled
    behind = others + output
    if placement == "before-norm":
        rows.append(_nonlinearity(name, nonlinearity, channels, size, behind))
    if design.order == "sign-conv-norm":
        rows.append(elementwise_cost(_NORM, f"{name}.norm", channels, size, behind))
    if placement == "before-addition":
        rows.append(_nonlinearity(name, nonlinearity, channels, size, behind))
    if shortcut is not None:
        rows += _shortcut(shortcut, name, size, before, output)
    if placement == "after-addition":
        rows.append(_nonlinearity(name, nonlinearity, channels, size, after))
    return rows


def _with_the_input(
    unit: UnitPlan, sizes: tuple[int, int], before: int, live: int
) -> list[LayerCost]:
    """Up to the output, from `before` bytes to `live`, where more than the sign reads the input.

    A real convolution reads it, and so does an attention behind the convolutions.
    """
    in_size, size = sizes
    keeping = before + _real_bytes(unit.out_channels, size)
    if not unit.binary:
        channels, rows = unit.in_channels, []
        if unit.design.order == "norm-sign-conv":
            rows.append(elementwise_cost(_NORM, f"{unit.name}.norm", channels, in_size, before))
        return rows + _convolutions(unit, size, keeping)
    rows = _binarisation(unit, in_size, before)
    rows += _convolutions(unit, size, keeping + rows[-1].activation_bytes - before)
    if unit.attention is not None:
        rows += _attention(unit.attention, sizes, keeping, live)
    return rows


def _binarisation(unit: UnitPlan, size: int, live: int) -> list[LayerCost]:
    """What stands in front of the convolutions: from `live` bytes, input included, to bits."""
    name, design, channels = unit.name, unit.design, unit.copies * unit.in_channels
    rows = []
    if design.order == "norm-sign-conv":
        rows.append(elementwise_cost(_NORM, f"{name}.norm", channels, size, live))
    if design.threshold == "learnable":
        rows.append(elementwise_cost(_THRESHOLD, f"{name}.threshold", channels, size, live))
    packed = -(-channels * size * size // 8)
    rows.append(elementwise_cost(_SIGN, f"{name}.sign", channels, size, live + packed))
    return rows


def _convolutions(unit: UnitPlan, size: int, live: int) -> list[LayerCost]:
    """The convolutions with their scales; `live` bytes hold their input and common output."""
    design = unit.design
    folded = (
        design.order == "sign-conv-norm"
        and unit.placement != "before-norm"
        and unit.attention is None
    )
    scale = (_FOLDED_SCALES if folded else _SCALES).get(design.weight_scale)
    rows = []
    for conv in unit.convs:
        rows.append(conv_cost(conv, size, live))
        if scale is not None and conv.bits == 1:
            name = f"{conv.name}.scale"
            rows.append(elementwise_cost(scale, name, conv.out_channels, size, live))
    return rows


def _attention(
    plan: AttentionPlan, sizes: tuple[int, int], before: int, live: int
) -> list[LayerCost]:
    """The factors, predicted from `before` bytes down to `live`, and the product with them."""
    name, seen, hidden, channels = plan
    means, inner, factors = (_real_bytes(count, 1) for count in (seen, hidden, channels))
    return [
        pooling_cost(f"{name}.pool", seen, sizes[0], 1, before + means),
        linear_cost(f"{name}.squeeze", seen, hidden, live + means + inner),
        elementwise_cost(_ATTENTION, f"{name}.relu", hidden, 1, live + inner),
        linear_cost(f"{name}.excite", hidden, channels, live + inner + factors),
        elementwise_cost(_ATTENTION, f"{name}.sigmoid", channels, 1, live + factors),
        elementwise_cost(_ATTENTION, f"{name}.product", channels, sizes[1], live + factors),
    ]


def _shortcut(shortcut: Shortcut, owner: str, size: int, kept: int, output: int) -> list[LayerCost]:
    """From `kept` bytes of input to the addition to `output` bytes."""
    name, _, in_channels, channels, stride, conv = shortcut
    rows = []
    if stride > 1:
        pooled = _real_bytes(in_channels, size)
        live = kept + pooled + output
        rows.append(pooling_cost(f"{name}.pool", in_channels, stride, size, live))
        kept = pooled
    if conv is not None and conv.bits == 1:
        packed, live = -(-in_channels * size * size // 8), kept + output
        rows.append(elementwise_cost(_SIGN, f"{name}.sign", in_channels, size, live + packed))
        kept = packed
    if conv is not None:
        rows.append(conv_cost(conv, size, kept + 2 * output))
        kept = output
        rows.append(elementwise_cost(_NORM, f"{name}.norm", channels, size, kept + output))
    live = kept + output
    rows.append(elementwise_cost(_ADDITION, f"{owner}.addition", channels, size, live))
    return rows


def _nonlinearity(owner: str, kind: Nonlinearity, channels: int, size: int, live: int) -> LayerCost:
    layer = _NONLINEARITIES[kind]
    return elementwise_cost(layer, f"{owner}.nonlinearity", channels, size, live)


def _strided(size: int, stride: int) -> int:
    return -(-size // stride)


def _real_bytes(channels: int, size: int) -> int:
    return BYTES_PER_REAL * channels * size * size
