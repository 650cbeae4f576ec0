"""ReActNet's units on ResNet-20 in the style of the published code: the baseline of speed.

It is this project's own plain rewriting. What makes it slow is kept as it is usual: the surrogate
as a polynomial assembled from masks, shifts expanded to the whole feature map, weights scaled anew
in every step by nested means, PyTorch's own PReLU, the default memory layout. Its parameters carry
the names of `bnas.blocks`, so that one can be loaded with the state of the other.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional


class MaskedSign(nn.Module):
    """Sign in front, and behind it the gradient of Bi-Real Net's piecewise polynomial."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps x to -1, 0 and 1."""
        below, negative, inner = (mask.type(torch.float32) for mask in (x < -1, x < 0, x < 1))
        rising, falling = x * x + 2 * x, -x * x + 2 * x
        left = -below + rising * (1 - below)
        middle = left * negative + falling * (1 - negative)
        smooth = middle * inner + (1 - inner)
        return torch.sign(x).detach() - smooth.detach() + smooth


class Shift(nn.Module):
    """x plus a learned value per channel, expanded to x's shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape."""
        return x + self.weight.view(1, -1, 1, 1).expand_as(x)


class Threshold(Shift):
    """x minus a learned value per channel, as `bnas.blocks` counts thresholds."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape."""
        return x - self.weight.view(1, -1, 1, 1).expand_as(x)


class ScaledConv(nn.Module):
    """A 3x3 convolution with the signs of its weights times their mean magnitude."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, in, H, W) to (N, out, H / stride, W / stride)."""
        by_row = torch.mean(abs(self.weight), dim=3, keepdim=True)
        scale = torch.mean(torch.mean(by_row, dim=2, keepdim=True), dim=1, keepdim=True)
        signs = scale.detach() * torch.sign(self.weight)
        clipped = torch.clamp(self.weight, -1.0, 1.0)
        weight = signs.detach() - clipped.detach() + clipped
        return functional.conv2d(x, weight, stride=self.stride, padding=1)


class ShiftedPReLU(nn.Module):
    """Shift, PReLU, shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), 0.25))
        self.shift_in = nn.Parameter(torch.zeros(channels))
        self.shift_out = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape."""
        shifted = x - self.shift_in.view(1, -1, 1, 1).expand_as(x)
        bent = functional.prelu(shifted, self.weight)
        return bent + self.shift_out.view(1, -1, 1, 1).expand_as(bent)


class PublishedUnit(nn.Module):
    """Shift, sign, convolution, norm, addition of the shortcut, shifted PReLU."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.threshold = Threshold(in_channels)
        self.sign = MaskedSign()
        self.conv = ScaledConv(in_channels, channels, stride)
        self.norm = nn.BatchNorm2d(channels)
        self.nonlinearity = ShiftedPReLU(channels)
        self.shortcut = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, in, H, W) to (N, out, H / stride, W / stride)."""
        y = self.norm(self.conv(self.sign(self.threshold(x))))
        y = y + self.shortcut(x)
        bent: Tensor = self.nonlinearity(y)
        return bent


class PublishedNetwork(nn.Module):
    """Stem, three stages of blocks of two units, average pooling, classifier.

    Args:
        width: Channels of the first stage; they double from stage to stage.
        depth: Blocks of a stage.
        num_classes: Outputs.
    """

    def __init__(self, *, width: int = 16, depth: int = 3, num_classes: int = 10) -> None:
        super().__init__()
        conv = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.stem = nn.Sequential(OrderedDict(conv=conv, norm=nn.BatchNorm2d(width)))
        self.stage1 = _stage(width, width, depth, 1)
        self.stage2 = _stage(width, 2 * width, depth, 2)
        self.stage3 = _stage(2 * width, 4 * width, depth, 2)
        self.classifier = nn.Linear(4 * width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images (N, 3, H, W) to logits (N, num_classes)."""
        x = self.stage3(self.stage2(self.stage1(self.stem(images))))
        logits: Tensor = self.classifier(functional.adaptive_avg_pool2d(x, 1).flatten(1))
        return logits


def _stage(in_channels: int, channels: int, depth: int, stride: int) -> nn.Sequential:
    units = [PublishedUnit(in_channels, channels, stride)]
    units += [PublishedUnit(channels, channels, 1) for _ in range(2 * depth - 1)]
    blocks = (
        nn.Sequential(OrderedDict(unit1=first, unit2=second))
        for first, second in zip(units[::2], units[1::2], strict=True)
    )
    return nn.Sequential(OrderedDict((f"block{i}", block) for i, block in enumerate(blocks, 1)))


def _shortcut(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    if in_channels == channels:
        return nn.Sequential()
    steps = OrderedDict[str, nn.Module](pool=nn.AvgPool2d(stride))
    steps["conv"] = nn.Conv2d(in_channels, channels, 1, bias=False)
    steps["norm"] = nn.BatchNorm2d(channels)
    return nn.Sequential(steps)
