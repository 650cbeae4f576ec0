"""Reads trained networks, and refuses whatever is not exactly one."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, final

import torch
from safetensors import SafetensorError, deserialize
from torch import Tensor, nn

from bnas.architecture import Design
from bnas.blocks import build
from bnas.blocks.frozen import freeze
from bnas.errors import InvalidWeights
from bnas.export.contents import Entry, entries
from bnas.export.facts import LATENT_FILE, WEIGHTS_FILE, TensorFile, TrainedFacts, read_facts
from bnas.export.packing import unpacked

# Of a safetensors file, beside the tensors: its length, and a name, type, shape and place of each.
_HEADER_BYTES: Final = 1024
_BYTES_PER_ENTRY: Final = 512
_TYPES: Final = {"U8": torch.uint8, "F32": torch.float32}


@final
class TrainedNetwork(nn.Module):
    """A network that takes pixels as they are in image files.

    Attributes:
        facts: What is known of it, the content of its `design.json`.
        network: The network behind the normalisation, from (N, C, H, W) float32 to logits.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, facts: TrainedFacts, network: nn.Module) -> None:
        super().__init__()
        self.facts = facts
        self.network = network
        for name, values in facts.normalisation:
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)

    @property
    def design(self) -> Design:
        """The design with the images that it is made for."""
        return self.facts.design

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps pixels (N, C, H, W) from 0 to 255, uint8 or float, to logits (N, classes)."""
        x = pixels.to(torch.float32).sub(self.mean).div(self.deviation)
        logits: Tensor = self.network(x)
        return logits


def load(path: str | os.PathLike[str], *, latent: bool = False) -> TrainedNetwork:
    """Reads a trained network from the folder that a retraining wrote.

    Nothing but JSON and plain tensors is read: no pickle, no code.

    Args:
        path: The folder, or one of the files in it.
        latent: Takes the network as it was trained, with its latent weights, to train it further;
            else the deployed one, whose weights are binary and fixed. Both compute the same.

    Returns:
        A module in evaluation mode, on the CPU. It maps pixels (N, C, H, W) from 0 to 255 to
        logits (N, classes): the normalisation is part of it. `design` and `facts` say what it is.

    Raises:
        InvalidWeights: A file is missing, damaged, or does not belong to the others; the message
            names it.
    """
    given = Path(path)
    folder = given.parent if given.is_file() else given
    facts = read_facts(folder)
    file, name = (facts.latent, LATENT_FILE) if latent else (facts.weights, WEIGHTS_FILE)
    if file is None:
        raise InvalidWeights(
            f"{folder} must hold latent weights to be trained further, but was written without; "
            "load it without latent=True, or retrain the design"
        )
    # Shapes first: nothing is made as large as the files merely say.
    with torch.device("meta"):
        expected = {entry.name: entry for entry in entries(_empty(facts, latent=latent))}
    stored = _stored(folder / name, file, expected)
    network = _empty(facts, latent=latent)
    with torch.no_grad():
        for entry in entries(network):
            entry.tensor.copy_(_value(entry, stored[entry.name]))
    return TrainedNetwork(facts, network).eval()


def _empty(facts: TrainedFacts, *, latent: bool) -> nn.Module:
    network = build(
        facts.architecture.architecture,
        num_classes=facts.num_classes,
        in_channels=facts.in_channels,
        image_size=facts.image_size,
    )
    return network.eval() if latent else freeze(network)


def _value(entry: Entry, stored: Tensor) -> Tensor:
    return unpacked(stored, entry.tensor.shape) if entry.binary else stored


def _stored(path: Path, file: TensorFile, expected: dict[str, Entry]) -> dict[str, Tensor]:
    """The tensors of a file, exactly those that are expected."""
    content = _content(path, file, sum(e.stored_bytes for e in expected.values()), len(expected))
    try:
        found: dict[str, dict[str, Any]] = dict(deserialize(content))  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise InvalidWeights(
            f"{path}: the file must be safetensors, but {error}; restore it from a copy"
        ) from None
    for problem in _problems(found, expected):
        raise InvalidWeights(f"{path}: {problem}; the file is of another design: restore it")
    return {
        name: torch.frombuffer(value["data"], dtype=_TYPES[value["dtype"]]).view(value["shape"])
        for name, value in found.items()
    }


def _content(path: Path, file: TensorFile, tensor_bytes: int, num_tensors: int) -> bytes:
    most = tensor_bytes + _HEADER_BYTES + _BYTES_PER_ENTRY * num_tensors
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size == file.bytes <= most else b""
    except OSError as error:
        raise InvalidWeights(
            f"{path}: the file must be readable, but {error.strerror}; restore it from a copy"
        ) from None
    if size != file.bytes:
        raise InvalidWeights(
            f"{path}: the file must have the {file.bytes:,} bytes that design.json states, but has "
            f"{size:,}; restore it from a copy"
        )
    if size > most:
        raise InvalidWeights(
            f"{path}: weights of this design take at most {most:,} bytes, but the file has "
            f"{size:,}; restore it from a copy"
        )
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise InvalidWeights(
            f"{path}: the SHA-256 must be {file.sha256}, as design.json states, but is another; "
            "the file was changed: restore it from a copy"
        )
    return content


def _problems(found: dict[str, dict[str, Any]], expected: dict[str, Entry]) -> Iterator[str]:
    for name in expected.keys() - found.keys():
        yield f"the tensor {name!r} is missing"
    for name in found.keys() - expected.keys():
        yield f"the tensor {name!r} is none of the design's"
    for name, entry in expected.items():
        kind, shape = found[name]["dtype"], tuple(found[name]["shape"])
        if (kind, shape) != (entry.stored_type, entry.stored_shape):
            yield (
                f"the tensor {name!r} must be {entry.stored_type} of shape {entry.stored_shape}, "
                f"but is {kind} of shape {shape}"
            )
