"""Search spaces: sets of architectures, read from YAML."""

from bnas.space.choices import Choice, Choices, Option
from bnas.space.choosers import Chooser
from bnas.space.definition import SpaceDefinition
from bnas.space.loading import load_space
from bnas.space.space import SearchSpace
from bnas.space.union import AnySpace, SpaceUnion
from bnas.space.variables import Point

__all__ = [
    "AnySpace",
    "Choice",
    "Choices",
    "Chooser",
    "Option",
    "Point",
    "SearchSpace",
    "SpaceDefinition",
    "SpaceUnion",
    "load_space",
]
