"""Evaluators: what turns an architecture into objective values.

`bnas.evaluation.trial` needs torch and is imported when the first trial runs.
"""

from bnas.evaluation.definition import (
    EvaluatorDefinition,
    evaluator_descriptions,
    load_evaluator,
)
from bnas.evaluation.proxy import ProxyTraining

__all__ = ["EvaluatorDefinition", "ProxyTraining", "evaluator_descriptions", "load_evaluator"]
