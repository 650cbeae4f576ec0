"""A teacher at a training: that there is one where the recipe has one, and what it says."""

from hashlib import sha256

import torch
from torch import Tensor, nn

from bnas.errors import InvalidConfiguration
from bnas.training.recipe import Recipe


@torch.no_grad()
def teacher_logits(teacher: nn.Module, x_NCHW: Tensor) -> Tensor:
    """Logits (N, K) of the teacher in evaluation mode, which it is left in."""
    logits_NK: Tensor = teacher.eval()(x_NCHW)
    return logits_NK


def checked_teacher(recipe: Recipe, teacher: nn.Module | None, *, before: str | None) -> str | None:
    """The digest of the teacher's weights, None where recipe and caller have none.

    Args:
        recipe: how to train.
        teacher: what the caller gave.
        before: the digest that a resumed training began with.

    Raises:
        InvalidConfiguration: only one of the two has a teacher, or it is another one than before.
    """
    if (recipe.teacher is None) != (teacher is None):
        wanted = "none" if recipe.teacher is None else repr(recipe.teacher.network)
        raise InvalidConfiguration(
            f"a training must have the teacher of its recipe, {wanted}, but was given "
            f"{'none' if teacher is None else 'one'}; give what the recipe says"
        )
    digest = None if teacher is None else _digest(teacher)
    if before is not None and digest != before:
        raise InvalidConfiguration(
            f"a training must go on with the teacher that it began with, {before}, but was given "
            f"{digest}; give the same one, or begin anew"
        )
    return digest


def _digest(teacher: nn.Module) -> str:
    """Twelve hex digits of the values of a module."""
    found = sha256()
    for name, value in teacher.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:12]
