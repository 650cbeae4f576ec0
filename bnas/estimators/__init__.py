"""Sign with surrogate gradients: exact forward, estimated backward, one table from tag to both."""

from bnas.estimators.estimator import Estimator, ReCU, ScheduledEstimator, set_progress
from bnas.estimators.sign import binary_step, quantize, sign, ternary_step
from bnas.estimators.table import (
    ESTIMATORS,
    WEIGHT_ESTIMATORS,
    Beta,
    Operand,
    make,
    ternary_activations,
    unsigned_activations,
)

__all__ = [
    "ESTIMATORS",
    "WEIGHT_ESTIMATORS",
    "Beta",
    "Estimator",
    "Operand",
    "ReCU",
    "ScheduledEstimator",
    "binary_step",
    "make",
    "quantize",
    "set_progress",
    "sign",
    "ternary_activations",
    "ternary_step",
    "unsigned_activations",
]
