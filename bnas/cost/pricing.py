"""The price of one layer.

One multiply-accumulate (MAC) is one operation: a BOP where weights and activations have 1 bit, a
FLOP otherwise. So count Bi-Real Net, Real-to-Binary and ReActNet, which leave out all element-wise
operations; here these stand beside, in `elementwise`. Other ways to count are in `convention`,
all formulas and definitions in docs/cost-model.md.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from bnas.architecture.nodes import Bits, Conv
from bnas.cost.totals import Kind, LayerCost

BYTES_PER_REAL = 4
REAL_ACE_BITS = 16

# Most of the time of a ledger goes into rows; a named tuple's own constructor takes three times as
# long as making the tuple. Fields are given in order, all of them.
_row: Callable[[tuple[str | int, ...]], LayerCost] = partial(tuple.__new__, LayerCost)


class _Precision(NamedTuple):
    """What one MAC and one weight of a convolution cost."""

    kind: Kind
    bops: int
    flops: int
    ace: int
    binary_params: int
    real_params: int
    weight_bits: int


_BINARY = _Precision(
    "binary-conv", bops=1, flops=0, ace=1, binary_params=1, real_params=0, weight_bits=1
)
_EIGHT_BIT = _Precision(
    "8-bit-conv", bops=0, flops=1, ace=8**2, binary_params=0, real_params=1, weight_bits=8
)
# ACE takes a real operand for a bfloat16 one; stored are 32 bits.
_REAL = _Precision(
    "real-conv",
    bops=0,
    flops=1,
    ace=REAL_ACE_BITS**2,
    binary_params=0,
    real_params=1,
    weight_bits=8 * BYTES_PER_REAL,
)
_PRECISIONS: Mapping[Bits, _Precision] = {1: _BINARY, 8: _EIGHT_BIT, 32: _REAL}


def conv_cost(conv: Conv, out_size: int, activation_bytes: int) -> LayerCost:
    """A convolution without bias; padding is counted as pixels are."""
    name, in_channels, out_channels, kernel_size, _, groups, precision = conv
    kind, bops, flops, ace, binary_params, real_params, bits = _PRECISIONS[precision]
    weights = in_channels * out_channels * kernel_size * kernel_size // groups
    macs = weights * out_size * out_size
    return _row(
        (
            name,
            kind,
            in_channels,
            out_channels,
            out_size,
            kernel_size,
            groups,
            macs * bops,
            macs * flops,
            macs * ace,
            weights * binary_params,
            weights * real_params,
            -(-weights * bits // 8),
            0,
            activation_bytes,
        )
    )


def linear_cost(name: str, in_features: int, out_features: int, activation_bytes: int) -> LayerCost:
    """A real linear layer; adding its bias is element-wise."""
    macs = in_features * out_features
    params = macs + out_features
    return LayerCost(
        name=name,
        kind="linear",
        in_channels=in_features,
        out_channels=out_features,
        out_size=1,
        flops=macs,
        ace=macs * REAL_ACE_BITS**2,
        real_params=params,
        packed_bytes=BYTES_PER_REAL * params,
        elementwise=out_features,
        activation_bytes=activation_bytes,
    )


def pooling_cost(
    name: str, channels: int, window: int, out_size: int, activation_bytes: int
) -> LayerCost:
    """Average or maximum pooling: one operation for each value of each window."""
    return LayerCost(
        name=name,
        kind="pooling",
        in_channels=channels,
        out_channels=channels,
        out_size=out_size,
        kernel_size=window,
        elementwise=channels * out_size**2 * window**2,
        activation_bytes=activation_bytes,
    )


class Elementwise(NamedTuple):
    """An element-wise layer: its real values per channel and its operations per value."""

    kind: Kind
    trained: int = 0
    deployed: int = 0
    operations: int = 1


def elementwise_cost(
    layer: Elementwise, name: str, channels: int, out_size: int, activation_bytes: int
) -> LayerCost:
    """An element-wise layer on `channels` channels of `out_size` x `out_size` pixels."""
    kind, trained, deployed, operations = layer
    return _row(
        (
            name,
            kind,
            channels,
            channels,
            out_size,
            0,
            1,
            0,
            0,
            0,
            0,
            trained * channels,
            BYTES_PER_REAL * deployed * channels,
            operations * channels * out_size * out_size,
            activation_bytes,
        )
    )


def repeated(layers: list[LayerCost], prefix: str, prefixes: list[str]) -> list[LayerCost]:
    """The same layers again, once for each of `prefixes` in place of the prefix of their names."""
    if not prefixes:
        return []
    start = len(prefix)
    parts = [(layer.name[start:], layer[1:]) for layer in layers]
    return [_row((other + name, *rest)) for other in prefixes for name, rest in parts]
