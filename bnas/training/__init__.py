"""Training a network: the recipe as data, the schedule, the loop.

Recipe and schedule are free of torch; the other modules need it and are imported where they are
used.
"""

from bnas.training.recipe import Recipe
from bnas.training.schedule import learning_rate

__all__ = ["Recipe", "learning_rate"]
