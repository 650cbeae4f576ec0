"""The price of one layer, in the convention of Bi-Real Net, Real-to-Binary and ReActNet.

    OPs = BOPs / 64 + FLOPs

One multiply-accumulate (MAC) is one operation. Convolutions and the linear classifier count: as
BOPs where weights and activations have 1 bit, as FLOPs otherwise. Norms, non-linearities, scales,
additions, pooling, sign and biases count zero; they are listed with their parameters.

ACE (PokeBNN) is the sum over MACs of weight bits times activation bits, where a real operand has
16 bits. Packed bytes are ceil(binary weights / 8) plus 4 for each real value of the deployed
network; a norm deploys two values per channel, an analytic weight scale one per filter.
"""

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, TypeAlias

BINARY_OPS_PER_FLOP = 64
REAL_BITS = 16
BYTES_PER_REAL = 4

Kind: TypeAlias = Literal[
    "binary-conv", "real-conv", "linear", "norm", "threshold", "scale", "nonlinearity"
]


class LayerCost(NamedTuple):
    """What one layer costs.

    Attributes:
        name: The layer's name, which the built module shares.
        kind: What the layer is.
        in_channels: Input channels.
        out_channels: Output channels.
        out_size: Height and width of its output in pixels.
        kernel_size: Height and width of its kernel in pixels; 0 without one.
        groups: Groups of its convolution.
        bops: MACs with two 1-bit operands.
        flops: MACs with a real operand.
        ace: Sum over MACs of weight bits times activation bits.
        binary_params: 1-bit weights.
        real_params: Trained real values that the deployed network keeps.
        packed_bytes: Bytes of its weights when deployed.
    """

    name: str
    kind: Kind
    in_channels: int
    out_channels: int
    out_size: int
    kernel_size: int = 0
    groups: int = 1
    bops: int = 0
    flops: int = 0
    ace: int = 0
    binary_params: int = 0
    real_params: int = 0
    packed_bytes: int = 0

    @property
    def ops(self) -> float:
        """BOPs / 64 + FLOPs."""
        return self.bops / BINARY_OPS_PER_FLOP + self.flops


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The sums over all layers; `ops` is BOPs / 64 + FLOPs."""

    bops: int
    flops: int
    ops: float
    ace: int
    binary_params: int
    real_params: int
    packed_bytes: int

    def value(self, name: str) -> float:
        """The total called `name`."""
        return float(getattr(self, name))

    def as_dict(self) -> dict[str, float]:
        """All totals by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def total(layers: tuple[LayerCost, ...]) -> Totals:
    """Sums the layers."""
    bops = sum(layer.bops for layer in layers)
    flops = sum(layer.flops for layer in layers)
    return Totals(
        bops=bops,
        flops=flops,
        ops=bops / BINARY_OPS_PER_FLOP + flops,
        ace=sum(layer.ace for layer in layers),
        binary_params=sum(layer.binary_params for layer in layers),
        real_params=sum(layer.real_params for layer in layers),
        packed_bytes=sum(layer.packed_bytes for layer in layers),
    )


def conv_cost(
    *,
    name: str,
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    groups: int,
    binary: bool,
    out_size: int,
) -> LayerCost:
    """A convolution without bias."""
    weights = in_channels * out_channels * kernel_size**2 // groups
    macs = weights * out_size**2
    return LayerCost(
        name=name,
        kind="binary-conv" if binary else "real-conv",
        in_channels=in_channels,
        out_channels=out_channels,
        out_size=out_size,
        kernel_size=kernel_size,
        groups=groups,
        bops=macs if binary else 0,
        flops=0 if binary else macs,
        ace=macs if binary else macs * REAL_BITS**2,
        binary_params=weights if binary else 0,
        real_params=0 if binary else weights,
        packed_bytes=-(-weights // 8) if binary else BYTES_PER_REAL * weights,
    )


def linear_cost(*, name: str, in_features: int, out_features: int) -> LayerCost:
    """A real linear layer with bias."""
    macs = in_features * out_features
    params = macs + out_features
    return LayerCost(
        name=name,
        kind="linear",
        in_channels=in_features,
        out_channels=out_features,
        out_size=1,
        flops=macs,
        ace=macs * REAL_BITS**2,
        real_params=params,
        packed_bytes=BYTES_PER_REAL * params,
    )


def channelwise_cost(
    *, name: str, kind: Kind, channels: int, out_size: int, trained: int, deployed: int
) -> LayerCost:
    """A layer of `trained` and `deployed` real values per channel, whose operations count zero."""
    return LayerCost(
        name=name,
        kind=kind,
        in_channels=channels,
        out_channels=channels,
        out_size=out_size,
        real_params=trained * channels,
        packed_bytes=BYTES_PER_REAL * deployed * channels,
    )
