"""Random changes to a whole batch at once."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def random_crop(x_NHWC: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image by up to `padding` pixels in both directions; what comes in is zero.

    On normalised images zero is the mean colour of the training images.

    Args:
        x_NHWC: a batch; the result has the same shape.
        padding: largest shift, in pixels.
        generator: on the CPU, whatever the device of the batch.
    """
    num_images, height, width, _ = x_NHWC.shape
    padded = functional.pad(x_NHWC, (0, 0, padding, padding, padding, padding))
    # Every possible crop as a view (N, 2p + 1, 2p + 1, C, H, W); only the chosen ones are copied.
    crops = padded.unfold(1, height, 1).unfold(2, width, 1)
    shifts = torch.randint(0, 2 * padding + 1, (2, num_images), generator=generator)
    rows, columns = shifts.to(x_NHWC.device)
    chosen_NCHW = crops[torch.arange(num_images, device=x_NHWC.device), rows, columns]
    return chosen_NCHW.permute(0, 2, 3, 1).contiguous()


def random_flip(x_NHWC: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability one half.

    Args:
        x_NHWC: a batch; the result has the same shape.
        generator: on the CPU, whatever the device of the batch.
    """
    coins = torch.rand(len(x_NHWC), generator=generator).to(x_NHWC.device)
    return torch.where((coins < 0.5)[:, None, None, None], x_NHWC.flip(2), x_NHWC)


def cutout(x_NHWC: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Blank a square of each image: zeros, around a pixel drawn evenly, cut off at the borders.

    DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout"
    (2017).

    Args:
        x_NHWC: a batch; the result has the same shape.
        size: side of the square, in pixels.
        generator: on the CPU, whatever the device of the batch.
    """
    num_images, height, width, _ = x_NHWC.shape
    device = x_NHWC.device

    def inside(extent: int) -> Tensor:
        """Whether a row or column is one of the square's, (N, extent)."""
        centres = torch.randint(extent, (num_images, 1), generator=generator).to(device)
        begins = centres - size // 2
        places = torch.arange(extent, device=device)
        return (places >= begins) & (places < begins + size)

    rows, columns = inside(height), inside(width)
    return x_NHWC.masked_fill((rows[:, :, None] & columns[:, None, :])[..., None], 0.0)


def mixup(x_NHWC: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Mix each image with another one of the batch: s x + (1 - s) x', s ~ Beta(alpha, alpha).

    Zhang et al., "mixup" (ICLR 2018); one s for the whole batch.

    Args:
        x_NHWC: a batch.
        alpha: above 0; the larger, the nearer is s to one half.
        generator: on the CPU, whatever the device of the batch.

    Returns:
        The mixed images, the numbers (N,) of those that were mixed in, on the device of the batch,
        and the share s.
    """
    partners_N = torch.randperm(len(x_NHWC), generator=generator).to(x_NHWC.device)
    # torch's Beta distribution takes no generator.
    seed = int(torch.randint(2**62, (), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    return x_NHWC.lerp(x_NHWC[partners_N], 1 - share), partners_N, share
