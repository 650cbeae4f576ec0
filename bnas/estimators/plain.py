"""The textbook's form of what has a hand-written gradient, to check the latter against.

It differentiates with PyTorch's own operators, keeps all that they keep, and is slower.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import torch
from torch import Tensor

_IN_FORCE: Final = ContextVar("plain gradients", default=False)


@contextmanager
def plain_gradients() -> Iterator[None]:
    """Quantisers and slopes that are applied inside have the plain form, in this thread."""
    token = _IN_FORCE.set(True)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def is_plain() -> bool:
    """Whether the plain form is in force; what is compiled never has it."""
    return not torch.compiler.is_compiling() and _IN_FORCE.get()


def quantize_plainly(
    x: Tensor,
    quantizer: Callable[[Tensor], Tensor],
    surrogate: Callable[..., Tensor],
    sharpness: Tensor | None,
) -> Tensor:
    """As `sign.quantize`: q(x') + g(x') (x - x'), where x' is x without its gradient.

    x must be finite. With a sharpness b, x' g(x', b') (b - b') / b' is added.
    """
    exact = x.detach()
    if sharpness is None:
        return quantizer(exact) + surrogate(exact) * (x - exact)
    fixed = sharpness.detach()
    slope = surrogate(exact, fixed)
    return quantizer(exact) + slope * (x - exact) + exact * slope * ((sharpness - fixed) / fixed)
