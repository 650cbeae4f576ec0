"""Training a network: the recipe as data, the schedule, the loop.

Recipe, schedule and acceleration are free of torch; the other modules need it and are imported
where they are used.
"""

from bnas.training.acceleration import Acceleration
from bnas.training.recipe import Recipe
from bnas.training.schedule import learning_rate

__all__ = ["Acceleration", "Recipe", "learning_rate"]
