"""The learning rate as a pure function of the step: nothing to save, nothing to restore."""

import math

from bnas.training.recipe import Recipe
from bnas.training.settings import Steps


def learning_rate(recipe: Recipe, *, step: int, num_steps: int, epochs: int) -> float:
    """Learning rate of one step of a phase.

    With W = floor(warmup * num_steps) and r = (step - W) / (num_steps - W), the factor on
    `recipe.learning_rate` is (step + 1) / (W + 1) during the first W steps, afterwards
    (1 + cos(pi r)) / 2 (cosine), 1 - r (linear), 1 (constant), or factor^m behind m milestones,
    which count from the first step of the phase. It is never zero: a last step that changes
    nothing would be wasted.

    Args:
        recipe: which schedule.
        step: from 0 to num_steps - 1.
        num_steps: steps of the phase.
        epochs: of the phase, which milestones may count.
    """
    warmup_steps = int(recipe.warmup * num_steps)
    if step < warmup_steps:
        return recipe.learning_rate * (step + 1) / (warmup_steps + 1)
    done = (step - warmup_steps) / (num_steps - warmup_steps)
    match recipe.schedule:
        case Steps() as steps:
            passed = _passed(steps, step, num_steps, epochs)
            return recipe.learning_rate * steps.factor**passed
        case "cosine":
            return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2
        case "linear":
            return recipe.learning_rate * (1 - done)
        case "constant":
            return recipe.learning_rate


def _passed(steps: Steps, step: int, num_steps: int, epochs: int) -> int:
    """Milestones that lie at or before a step."""
    unit = num_steps if steps.milestones[0] < 1 else num_steps / epochs
    return sum(round(milestone * unit) <= step for milestone in steps.milestones)
