"""The learning rate as a pure function of the step: nothing to save, nothing to restore."""

import math

from bnas.training.recipe import Recipe


def learning_rate(recipe: Recipe, *, step: int, num_steps: int) -> float:
    """Learning rate of one step.

    With W = floor(warmup * num_steps) and r = (step - W) / (num_steps - W), the factor on
    `recipe.learning_rate` is (step + 1) / (W + 1) during the first W steps, afterwards
    (1 + cos(pi r)) / 2 (cosine), 1 - r (linear) or 1 (constant). It is never zero: a last step
    that changes nothing would be wasted.

    Args:
        recipe: which schedule.
        step: from 0 to num_steps - 1.
        num_steps: steps of the whole training.
    """
    warmup_steps = int(recipe.warmup * num_steps)
    if step < warmup_steps:
        return recipe.learning_rate * (step + 1) / (warmup_steps + 1)
    done = (step - warmup_steps) / (num_steps - warmup_steps)
    match recipe.schedule:
        case "cosine":
            return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2
        case "linear":
            return recipe.learning_rate * (1 - done)
        case "constant":
            return recipe.learning_rate
