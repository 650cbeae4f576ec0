"""Which tensors of a network its files hold, and in which form."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bnas.blocks import BinaryConv2d
from bnas.blocks.frozen import AlreadyBinary

# Only training counts batches, and what it does does not depend on how many there were.
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One tensor of a network.

    Attributes:
        name: Its name in the network and in the file.
        tensor: The tensor itself, not a copy.
        binary: Whether it holds -1 and +1 alone, and bits in the file.
    """

    name: str
    tensor: Tensor
    binary: bool

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape in the file."""
        return (-(-self.tensor.numel() // 8),) if self.binary else tuple(self.tensor.shape)

    @property
    def stored_type(self) -> str:
        """The type in the file, as safetensors calls it."""
        return "U8" if self.binary else "F32"

    @property
    def stored_bytes(self) -> int:
        """The size in the file, without the name."""
        return self.stored_shape[0] if self.binary else 4 * self.tensor.numel()


def entries(network: nn.Module) -> Iterator[Entry]:
    """Every tensor that the file of a network holds, frozen or not."""
    binary = {
        f"{name}.weight"
        for name, module in network.named_modules()
        if isinstance(module, BinaryConv2d) and isinstance(module.estimator, AlreadyBinary)
    }
    for name, tensor in network.state_dict().items():
        if not name.endswith(_COUNTER):
            if tensor.dtype != torch.float32:
                raise TypeError(f"tensors are float32, but {name} is {tensor.dtype}")
            yield Entry(name=name, tensor=tensor, binary=name in binary)
