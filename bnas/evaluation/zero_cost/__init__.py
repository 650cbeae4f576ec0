"""Zero-cost scores: what an untrained network, a batch and a few passes say of an architecture.

None is an accuracy; what each is worth on some space and data, `bnas fidelity` measures. The
scores themselves need torch and are imported where they are used.
"""

from bnas.evaluation.zero_cost.definition import ScoreName, ZeroCostDefinition

__all__ = ["ScoreName", "ZeroCostDefinition"]
