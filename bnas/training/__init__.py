"""Training a network: the recipe as data, the schedule, the loop.

`bnas.training.loop` and `bnas.training.optimizers` need torch and are imported where they are used.
"""

from bnas.training.recipe import Recipe
from bnas.training.schedule import learning_rate

__all__ = ["Recipe", "learning_rate"]
