"""Architectures as data: the model, its canonical form and digest, and its lowering."""

from bnas.architecture.canonical import canonical, digest, from_dict, to_dict, valid
from bnas.architecture.model import Architecture, Stage, Stem, Unit
from bnas.architecture.plan import NetworkPlan, plan
from bnas.architecture.validity import Problem, problems

__all__ = [
    "Architecture",
    "NetworkPlan",
    "Problem",
    "Stage",
    "Stem",
    "Unit",
    "canonical",
    "digest",
    "from_dict",
    "plan",
    "problems",
    "to_dict",
    "valid",
]
