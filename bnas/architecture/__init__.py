"""Architectures as data: the model, its canonical form and digest, and its lowering."""

from bnas.architecture.canonical import canonical, digest, to_dict
from bnas.architecture.design import (
    Design,
    PublishedFigure,
    design_to_dict,
    load_design,
    published_names,
)
from bnas.architecture.form import from_dict, valid
from bnas.architecture.model import Architecture, Head, Stage, Stem, Unit
from bnas.architecture.plan import NetworkPlan, plan
from bnas.architecture.scaling import scaled
from bnas.architecture.twin import twin_of
from bnas.architecture.validity import Problem, problems

__all__ = [
    "Architecture",
    "Design",
    "Head",
    "NetworkPlan",
    "Problem",
    "PublishedFigure",
    "Stage",
    "Stem",
    "Unit",
    "canonical",
    "design_to_dict",
    "digest",
    "from_dict",
    "load_design",
    "plan",
    "problems",
    "published_names",
    "scaled",
    "to_dict",
    "twin_of",
    "valid",
]
