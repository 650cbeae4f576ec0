"""Multi-objective search: samplers, Pareto tools, the study and the engines that run trials.

Only the port is loaded here: whoever implements an evaluator needs neither Optuna nor Ray.
"""

from bnas.search.port import Checkpoint, Evaluation, Evaluator, Progress

__all__ = ["Checkpoint", "Evaluation", "Evaluator", "Progress"]
