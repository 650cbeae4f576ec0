"""The network of an architecture: one module for every node of its plan, under the same names."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import groupby
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import Architecture, NetworkPlan, plan
from bnas.architecture.nodes import BlockPlan, HeadPlan, StemPlan
from bnas.blocks.shortcuts import real_conv
from bnas.blocks.unit import Block, Unit


def build(
    architecture: Architecture,
    *,
    num_classes: int,
    in_channels: int = 3,
    image_size: int | None = None,
    coupled: bool = False,
    seed: int = 0,
) -> nn.Module:
    """The trainable network of a valid architecture.

    Its submodules carry the names of the plan and of the cost ledger. Weights lie channels-last
    and images are brought there, whatever their layout: convolutions are faster so. Under
    ``with torch.device("meta")`` it has shapes but no values.

    Args:
        architecture: The design.
        num_classes: Outputs of the classifier.
        in_channels: Channels of an image.
        image_size: Height and width of an image in pixels; needed only where the head flattens.
        coupled: Builds BinaryDuo's state of training, see `bnas.blocks.decouple`.
        seed: Decides the initial weights; the global random state stays as it is.

    Returns:
        A module that maps images (N, in_channels, H, W) to logits (N, num_classes).

    Raises:
        InvalidArchitecture: The head flattens and there is no image size.
    """
    lowered = plan(architecture, in_channels=in_channels, image_size=image_size, coupled=coupled)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = Network(lowered, num_classes)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@final
class Network(nn.Module):
    """Stem, stages of blocks, pooling or flattening, hidden units and classifier.

    Args:
        plan: What the network consists of.
        num_classes: Outputs of the classifier.
    """

    def __init__(self, plan: NetworkPlan, num_classes: int) -> None:
        super().__init__()
        self.stem = _stem(plan.stem)
        for name, blocks in _stages(plan.blocks):
            self.add_module(name, nn.Sequential(blocks))
        self.hidden = _hidden(plan.head)
        self.classifier = nn.Linear(plan.head.in_channels, num_classes)
        self._flattens = plan.head.flatten

    def forward(self, images: Tensor) -> Tensor:
        """Maps images (N, C, H, W) to logits (N, num_classes)."""
        x = images.contiguous(memory_format=torch.channels_last)
        *features, hidden, classifier = self.children()
        for part in features:
            x = part(x)
        x = _one_pixel(x) if self._flattens else _pooled(x)
        logits: Tensor = classifier(hidden(x).flatten(1))
        return logits


def _pooled(x: Tensor) -> Tensor:
    # Unlike that of `mean`, the gradient of this pooling is channels-last; otherwise the norms
    # of the last stage would take ten times as long.
    return functional.avg_pool2d(x, x.shape[2:])


def _one_pixel(x: Tensor) -> Tensor:
    """Every pixel of every channel as a channel of one pixel: (N, C, H, W) to (N, C H W, 1, 1)."""
    return x.flatten(1)[:, :, None, None]


def _stem(plan: StemPlan) -> nn.Sequential:
    steps = OrderedDict[str, nn.Module]()
    for conv in plan.convs:
        name = conv.name.rpartition(".")[2]
        number = name.removeprefix("conv")
        if steps:
            # Without it two convolutions would be one.
            steps[f"nonlinearity{number}"] = nn.ReLU()
        steps[name] = real_conv(conv)
        steps[f"norm{number}"] = nn.BatchNorm2d(conv.out_channels)
    if plan.pool:
        steps["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(steps)


def _hidden(plan: HeadPlan) -> nn.Sequential:
    units = ((unit.name.partition(".")[2], Unit(unit)) for unit in plan.units)
    return nn.Sequential(OrderedDict[str, nn.Module](units))


def _stages(plans: tuple[BlockPlan, ...]) -> Iterator[tuple[str, OrderedDict[str, nn.Module]]]:
    """The blocks by stage: block "stage1.block2" is child "block2" of child "stage1"."""
    for stage, members in groupby(plans, key=lambda block: block.name.partition(".")[0]):
        yield stage, OrderedDict((block.name.partition(".")[2], Block(block)) for block in members)
