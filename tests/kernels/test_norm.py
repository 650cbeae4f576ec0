"""Batch norms of the kernels against PyTorch's in double precision."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bnas import kernels
from bnas.kernels import Bend, Norm, Tail

BENDS: Mapping[str, tuple[Bend, Callable[[Tensor], Tensor]]] = {
    "relu": (Bend(negative=torch.zeros(4), positive=torch.ones(4)), functional.relu),
    "hardtanh": (Bend(clips=True), functional.hardtanh),
}


pytestmark = pytest.mark.usefixtures("one_thread")


def norm() -> Norm:
    return Norm(
        weight=torch.ones(4),
        bias=torch.zeros(4),
        running_mean=torch.zeros(4),
        running_variance=torch.ones(4),
        num_batches=None,
        momentum=0.1,
        epsilon=1e-5,
        training=True,
    )


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("first", [-1000.0, 1.0])
def test_statistics_are_of_what_the_norm_sees(bend: str, first: float) -> None:
    """A value that the bend cuts off does not spoil those that it leaves."""
    form, function = BENDS[bend]
    y = 0.01 * images(16, 4, 8, 8)
    y[0, :, 0, 0] = first
    kept = norm()
    found = kernels.tail(y, None, Tail(norm=kept, bend=form, placement="before-norm"))
    mean, variance = torch.zeros(4).double(), torch.ones(4).double()
    expected = functional.batch_norm(function(y.double()), mean, variance, training=True)
    torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(kept.running_mean, mean.float(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(kept.running_variance, variance.float(), rtol=1e-4, atol=1e-6)


def test_a_batch_has_more_than_one_value_a_channel() -> None:
    form = Tail(norm=norm(), bend=None, placement=None)
    with pytest.raises(ValueError, match="more than one value for each channel"):
        kernels.tail(images(1, 4, 1, 1), None, form)


def test_kernels_do_not_run_on_nothing() -> None:
    assert kernels.runs(images(1, 4, 2, 2))
    assert not kernels.runs(images(0, 4, 2, 2))
