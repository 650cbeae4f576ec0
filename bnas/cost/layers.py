"""The layers of a network plan in order of execution, each with its price.

Activations are counted as a deployed network holds them for one image: real values in 4 bytes, the
outputs of a sign in bits. Element-wise layers work in place or are fused with the layer behind.
What is alive while a layer runs is its input, its output, and what waits for a later addition.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bnas.architecture.model import Nonlinearity, WeightScale
from bnas.architecture.plan import (
    BlockPlan,
    HeadPlan,
    NetworkPlan,
    Shortcut,
    StagePlan,
    StemPlan,
    UnitPlan,
)
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
_NONLINEARITIES: Mapping[Nonlinearity, Elementwise] = MappingProxyType(
    {
        "relu": Elementwise("nonlinearity"),
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
    rows += _head(network.head, rows[-1].out_size, num_classes)
    return tuple(rows)


def _stage(stage: StagePlan, in_size: int) -> list[LayerCost]:
    rows = _block(stage.block(1), in_size)
    if stage.depth > 1:
        second = stage.block(2)
        equals = _block(second, rows[-1].out_size)
        rows += equals
        others = [f"{stage.name}.block{number}" for number in range(3, stage.depth + 1)]
        rows += repeated(equals, second.name, others)
    return rows


def _stem(stem: StemPlan, image_size: int) -> list[LayerCost]:
    conv, channels = stem.conv, stem.conv.out_channels
    size = _strided(image_size, conv.stride)
    image, output = _real_bytes(conv.in_channels, image_size), _real_bytes(channels, size)
    rows = [
        conv_cost(conv, size, image + output),
        elementwise_cost(_NORM, f"{stem.name}.norm", channels, size, output),
    ]
    if stem.pool:
        pooled = _strided(size, 2)
        live = output + _real_bytes(channels, pooled)
        rows.append(pooling_cost(f"{stem.name}.pool", channels, 3, pooled, live))
    return rows


def _head(head: HeadPlan, size: int, num_classes: int) -> list[LayerCost]:
    channels, features = head.in_channels, _real_bytes(head.in_channels, 1)
    pooling, linear = _real_bytes(channels, size) + features, features + _real_bytes(num_classes, 1)
    return [
        pooling_cost("pool", channels, size, 1, pooling),
        linear_cost(head.name, channels, num_classes, linear),
    ]


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
    name, design, convs, in_channels, channels, shortcut, nonlinearity, placement = unit
    size = _strided(in_size, convs[0].stride)
    before, output = waiting + _real_bytes(in_channels, in_size), _real_bytes(channels, size)
    after = output + (before if stays else waiting)
    behind = after if shortcut is None else output + before

    rows = _binarisation(unit, in_size, before)
    packed = rows[-1].activation_bytes - before
    rows += _convolutions(unit, size, behind + packed)
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


def _binarisation(unit: UnitPlan, size: int, live: int) -> list[LayerCost]:
    """What stands in front of the convolutions: from `live` bytes, input included, to bits."""
    name, design, channels = unit.name, unit.design, unit.in_channels
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
    folded = design.order == "sign-conv-norm" and unit.placement != "before-norm"
    scale = (_FOLDED_SCALES if folded else _SCALES).get(design.weight_scale)
    rows = []
    for conv in unit.convs:
        rows.append(conv_cost(conv, size, live))
        if scale is not None:
            name = f"{conv.name}.scale"
            rows.append(elementwise_cost(scale, name, conv.out_channels, size, live))
    return rows


def _shortcut(shortcut: Shortcut, owner: str, size: int, kept: int, output: int) -> list[LayerCost]:
    """From `kept` bytes of input to the addition to `output` bytes."""
    name, _, in_channels, channels, stride, conv = shortcut
    rows = []
    if stride > 1:
        pooled = _real_bytes(in_channels, size)
        live = kept + pooled + output
        rows.append(pooling_cost(f"{name}.pool", in_channels, stride, size, live))
        kept = pooled
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
