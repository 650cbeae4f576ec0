"""Fixtures of the kernels' tests."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def one_thread(compiler: str) -> Iterator[None]:
    """Kernels run on one thread; whatever a test sets is put back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
