"""Mixing pairs of images, and cutting squares out of them."""

import pytest
import torch
from torch import Tensor

from bnas.data.augmentation import cutout, mixup


def batch() -> Tensor:
    return torch.rand(32, 4, 4, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.usefixtures("untouched_global_random")
def test_every_image_is_mixed_with_its_partner() -> None:
    x = batch()
    mixed, partners, share = mixup(x, 0.2, torch.Generator().manual_seed(1))
    assert sorted(partners.tolist()) == list(range(32))
    torch.testing.assert_close(mixed, share * x + (1 - share) * x[partners])
    assert torch.equal(x, batch())


def test_same_generator_state_gives_the_same_bits() -> None:
    first, again = (mixup(batch(), 1.0, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert first[2] == again[2]


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_have_the_variance_of_the_beta_distribution(alpha: float) -> None:
    generator = torch.Generator().manual_seed(2)
    shares = torch.tensor([mixup(batch()[:2], alpha, generator)[2] for _ in range(2000)])
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=0.01)


@pytest.mark.usefixtures("untouched_global_random")
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_square_is_blanked_in_each_image(size: int) -> None:
    x = batch() + 1
    found = cutout(x, size, torch.Generator().manual_seed(3))
    assert torch.equal(x, batch() + 1)
    blank = (found == 0).all(3)
    assert torch.equal(found, torch.where(blank[..., None], torch.zeros(()), x))
    for image in blank:
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns)
        assert 1 <= rows.sum() <= size
        assert 1 <= columns.sum() <= size
    assert len({tuple(image.flatten().tolist()) for image in blank}) > 5


def test_every_pixel_is_blanked_as_often_as_the_centre_lies_near() -> None:
    """Size 1 blanks the centre alone, which is drawn evenly over 16 pixels."""
    x = torch.ones(8000, 4, 4, 1)
    share = (cutout(x, 1, torch.Generator().manual_seed(0)) == 0).float().mean(0).flatten()
    assert share.tolist() == pytest.approx([1 / 16] * 16, abs=0.015)
