"""A whole training of an architecture, from its initial weights on."""

from bnas import blocks
from bnas.architecture import Architecture
from bnas.data import Facts
from bnas.training import loop
from bnas.training.loop import Training
from bnas.training.recipe import Recipe


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
    """
    model = blocks.build(
        architecture,
        in_channels=facts.in_channels,
        num_classes=facts.num_classes,
        image_size=facts.image_size,
        seed=seed,
    )
    return loop.begin(model, recipe, seed=seed, device=device)
