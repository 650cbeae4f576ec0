"""One training over several processes, which Ray Train starts on one machine or on many."""

from bnas.runs.sharing.evaluator import Shareable, SharedTraining

__all__ = ["Shareable", "SharedTraining"]
