"""A whole training of an architecture, from its initial weights on."""

from functools import partial
from typing import Any

from bnas import blocks
from bnas.architecture import Architecture
from bnas.data import Facts
from bnas.training import loop
from bnas.training.loop import Training
from bnas.training.recipe import Recipe
from bnas.training.rules import check_design


def begin(
    architecture: Architecture, recipe: Recipe, *, facts: Facts, seed: int, device: str = "cpu"
) -> Training:
    """Builds the network and prepares it for training.

    Args:
        architecture: The design.
        recipe: How to train.
        facts: Of the data.
        seed: Decides initial weights, the order of the images and their augmentation.
        device: Where to train.

    Raises:
        InvalidConfiguration: The recipe does not go with the design, see `rules.check_design`.
    """
    check_design(recipe, architecture)
    sizes: dict[str, Any] = {
        "in_channels": facts.in_channels,
        "num_classes": facts.num_classes,
        "image_size": facts.image_size,
    }
    coupled = recipe.phase(0).coupled
    model = blocks.build(architecture, **sizes, coupled=coupled, seed=seed)
    decouple = partial(blocks.decouple, architecture=architecture, **sizes) if coupled else None
    return loop.begin(model, recipe, seed=seed, device=device, decouple=decouple)


def begin_twin(
    architecture: Architecture, recipe: Recipe, *, facts: Facts, seed: int, device: str = "cpu"
) -> Training:
    """As `begin`, for the real-valued twin of a design; it is trained with `recipe.of_twin`.

    Args:
        architecture: The design, or its `blocks.twin_of`.
        recipe: That of the design.
        facts: Of the data.
        seed: Decides initial weights, the order of the images and their augmentation.
        device: Where to train.
    """
    model = blocks.build_twin(
        architecture,
        in_channels=facts.in_channels,
        num_classes=facts.num_classes,
        image_size=facts.image_size,
        seed=seed,
    )
    return loop.begin(model, recipe.of_twin, seed=seed, device=device)
