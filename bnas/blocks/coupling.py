"""From BinaryDuo's coupled network to the binary one that computes the same."""

from typing import Any

import torch
from torch import Tensor, nn

from bnas.architecture import Architecture
from bnas.blocks.convolution import BinaryConv2d
from bnas.blocks.network import build
from bnas.blocks.pairs import pair_shifts
from bnas.blocks.unit import Unit
from bnas.errors import InvalidConfiguration


def decouple(
    coupled: nn.Module,
    architecture: Architecture,
    *,
    num_classes: int,
    in_channels: int = 3,
    image_size: int | None = None,
) -> nn.Module:
    """The binary network of `architecture` with the weights of its coupled one.

    In evaluation mode it computes the same function, wherever no activation lies on a step (see
    `bnas.blocks.pairs`); from there the two halves are trained apart.

    Args:
        coupled: What `build(architecture, ..., coupled=True)` made, trained or not.
        architecture: The design, with paired activations in some stage.
        num_classes: As `coupled` was built.
        in_channels: As `coupled` was built.
        image_size: As `coupled` was built.

    Raises:
        InvalidConfiguration: `coupled` is not the coupled network of `architecture`.
    """
    settings: dict[str, Any] = {"num_classes": num_classes, "in_channels": in_channels}
    network = build(architecture, image_size=image_size, **settings)
    network.to(next(coupled.parameters()).dtype).to(next(coupled.parameters()).device)
    parts = dict(coupled.named_modules())
    # Only what copies the channels is new.
    names = [name for name, _ in network.named_modules() if not name.endswith(".copy")]
    missing = [name for name in names if name not in parts]
    if missing:
        raise InvalidConfiguration(
            "what is decoupled must be the coupled network of the same architecture, but it has "
            f"no {missing[0]!r}; build it with coupled=True"
        )
    with torch.no_grad():
        for name, part in network.named_modules():
            if name in parts:
                _copy(parts[name], part)
                _run_alike(parts[name], part)
    return network.train(coupled.training)


def _copy(source: nn.Module, target: nn.Module) -> None:
    """Copies the own parameters and buffers of a module, those of paired inputs twice."""
    values = _own(source)
    for name, place in _own(target).items():
        place.copy_(_doubled(target, name, values[name], place.shape))


def _run_alike(source: nn.Module, target: nn.Module) -> None:
    if isinstance(source, BinaryConv2d) and isinstance(target, BinaryConv2d):
        target.is_binary = source.is_binary
    if isinstance(source, Unit) and isinstance(target, Unit):
        target.precision, target.regions = source.precision, source.regions


def _own(module: nn.Module) -> dict[str, Tensor]:
    parameters = dict(module.named_parameters(recurse=False))
    return {**parameters, **dict(module.named_buffers(recurse=False))}


def _doubled(owner: nn.Module, name: str, value: Tensor, shape: torch.Size) -> Tensor:
    if value.shape == shape:
        return value
    if isinstance(owner, nn.BatchNorm2d):
        twice = value.repeat_interleave(2)
        return twice + pair_shifts(len(value)).to(twice) if name == "bias" else twice
    if isinstance(owner, BinaryConv2d):
        return value.repeat_interleave(2, 1)
    if isinstance(owner, nn.Linear) and owner.out_features == value.shape[0]:
        # The squeeze of an attention; the mean of a pair is what was there before.
        return value.repeat_interleave(2, 1) / 2
    raise InvalidConfiguration(
        "what is decoupled must be the coupled network of the same architecture, but its "
        f"{name} has the shape {tuple(value.shape)}; build it with coupled=True"
    )
