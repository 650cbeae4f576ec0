"""The columns of a ledger: the row of one layer, and the totals of a network.

OPs = BOPs / 64 + FLOPs
"""

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, TypeAlias

BINARY_OPS_PER_FLOP = 64

Kind: TypeAlias = Literal[
    "binary-conv",
    "8-bit-conv",
    "real-conv",
    "linear",
    "norm",
    "threshold",
    "sign",
    "scale",
    "nonlinearity",
    "attention",
    "pooling",
    "addition",
]


class LayerCost(NamedTuple):
    """What one layer costs.

    Attributes:
        name: The layer's name, which the built module shares where it has one.
        kind: What the layer is.
        in_channels: Input channels.
        out_channels: Output channels.
        out_size: Height and width of its output in pixels.
        kernel_size: Height and width of its kernel in pixels; 0 without one.
        groups: Groups of its convolution.
        bops: Operations with two 1-bit operands.
        flops: All other operations that the convention counts.
        ace: Sum over MACs of weight bits times activation bits.
        binary_params: 1-bit weights.
        real_params: Trained real values that the deployed network keeps.
        packed_bytes: Bytes of its weights when deployed.
        elementwise: Element-wise operations, whether the convention counts them or not.
        activation_bytes: Bytes of all activations that are alive while it runs.
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
    elementwise: int = 0
    activation_bytes: int = 0

    @property
    def ops(self) -> float:
        """BOPs / 64 + FLOPs."""
        return self.bops / BINARY_OPS_PER_FLOP + self.flops


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The sums over all layers.

    Two are no sums: `ops` is BOPs / 64 + FLOPs of the sums, and `peak_activation_bytes` is the
    largest `activation_bytes` of a layer.
    """

    bops: int
    flops: int
    ops: float
    ace: int
    binary_params: int
    real_params: int
    packed_bytes: int
    elementwise: int
    peak_activation_bytes: int

    def value(self, name: str) -> float:
        """The total called `name`."""
        return float(getattr(self, name))

    def as_dict(self) -> dict[str, float]:
        """All totals by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def total(layers: tuple[LayerCost, ...]) -> Totals:
    """Sums the layers."""
    columns = dict(zip(LayerCost._fields, zip(*layers, strict=True), strict=True))
    bops, flops = sum(columns["bops"]), sum(columns["flops"])
    return Totals(
        bops=bops,
        flops=flops,
        ops=bops / BINARY_OPS_PER_FLOP + flops,
        ace=sum(columns["ace"]),
        binary_params=sum(columns["binary_params"]),
        real_params=sum(columns["real_params"]),
        packed_bytes=sum(columns["packed_bytes"]),
        elementwise=sum(columns["elementwise"]),
        peak_activation_bytes=max(columns["activation_bytes"]),
    )
