"""The convolution of signs on bits against PyTorch's convolution."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bnas import kernels

# in, out, kernel, stride, groups, height, width: words of several pixels (up to 16 channels), of
# one, and pixels of several words; filters that fill vectors or do not; borders of every kind.
SHAPES = [
    (8, 8, 3, 1, 1, 7, 9),
    (16, 24, 3, 2, 1, 8, 8),
    (12, 12, 3, 1, 1, 6, 5),
    (24, 40, 3, 1, 1, 5, 5),
    (64, 48, 3, 2, 1, 9, 9),
    (40, 16, 1, 1, 1, 4, 4),
    (16, 16, 1, 2, 1, 5, 4),
    (16, 16, 5, 1, 1, 6, 6),
    (32, 32, 3, 1, 4, 6, 6),
    (16, 16, 7, 2, 2, 12, 11),
    (3, 9, 5, 1, 1, 8, 8),
    (70, 70, 3, 1, 1, 3, 3),
    (10, 10, 3, 2, 1, 1, 1),
    (16, 16, 3, 3, 1, 20, 20),
    (96, 17, 3, 4, 1, 6, 9),
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_type = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    if not kernels.load().packs_signs():
        pytest.skip("this processor has no instruction that counts the bits of a vector")


def operands(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    channels, out, kernel, _, groups, height, width = shape
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, channels, height, width, generator=generator).sign().to(dtype)
    weight = torch.randn(out, channels // groups, kernel, kernel, generator=generator).sign()
    scale = torch.rand(out, 1, 1, 1, generator=generator) + 0.1
    x = x.contiguous(memory_format=torch.channels_last)
    return x.requires_grad_(), (weight * scale).requires_grad_()


@every_shape
@every_type
def test_sums_are_exact(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, weight = operands(shape, dtype)
    kernel, stride, groups = shape[2:5]
    assert kernels.packs(x, weight, groups)
    y = kernels.sign_conv2d(x, weight, stride=stride, groups=groups)
    exact = functional.conv2d(
        x.double(),
        weight.to(dtype).double(),
        stride=stride,
        padding=kernel // 2,
        groups=groups,
    )
    # The product of an integer and a scale, rounded once.
    assert torch.equal(y, exact.to(dtype))


# With fewer pixels than the stride, PyTorch's own gradient in bfloat16 is wrong.
@pytest.mark.parametrize("shape", [s for s in SHAPES if min(s[5:]) >= s[3]], ids=str)
@every_type
def test_gradients_are_those_of_the_convolution(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    kernel, stride, groups = shape[2:5]
    found = []
    for fast in (False, True):
        x, weight = operands(shape, dtype)
        if fast:
            y = kernels.sign_conv2d(x, weight, stride=stride, groups=groups)
        else:
            y = functional.conv2d(
                x, weight.to(dtype), stride=stride, padding=kernel // 2, groups=groups
            )
        y.backward(torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(dtype))
        found.append((x.grad, weight.grad))
    torch.testing.assert_close(*found)


def test_a_scale_that_diverged_stays_seen() -> None:
    x, weight = operands((16, 16, 3, 1, 1, 4, 4), torch.bfloat16)
    y = kernels.sign_conv2d(x, weight * float("nan"), stride=1, groups=1)
    assert y.isnan().all()


def test_what_does_not_fit_is_left_to_pytorch() -> None:
    x, weight = operands((16, 16, 3, 1, 1, 4, 4), torch.float32)
    assert kernels.packs(x, weight, 1)
    assert not kernels.packs(x.double(), weight, 1)
    assert not kernels.packs(x.contiguous(), weight, 1)
    # A filter for each channel: vectors of filters would be empty.
    assert not kernels.packs(x, weight[:, :1], 16)
    torch.set_num_threads(2)
    assert not kernels.packs(x, weight, 1)
