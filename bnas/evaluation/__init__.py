"""Evaluators: what turns an architecture into objective values.

`bnas.evaluation.trial` needs torch and is imported when the first trial runs.
"""

from bnas.evaluation.definition import (
    EvaluatorDefinition,
    evaluator_descriptions,
    load_any_evaluator,
    load_evaluator,
)
from bnas.evaluation.proxy import ProxyTraining
from bnas.evaluation.zero_cost import ZeroCostDefinition

__all__ = [
    "EvaluatorDefinition",
    "ProxyTraining",
    "ZeroCostDefinition",
    "evaluator_descriptions",
    "load_any_evaluator",
    "load_evaluator",
]
