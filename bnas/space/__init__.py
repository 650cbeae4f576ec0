"""Search spaces: sets of architectures, read from YAML."""

from bnas.space.definition import Choice, Choices, Option, SpaceDefinition
from bnas.space.loading import load_space
from bnas.space.space import SearchSpace
from bnas.space.variables import Chooser, Point

__all__ = [
    "Choice",
    "Choices",
    "Chooser",
    "Option",
    "Point",
    "SearchSpace",
    "SpaceDefinition",
    "load_space",
]
