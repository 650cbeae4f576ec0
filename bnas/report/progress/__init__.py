"""The progress of a search or a retraining while it runs."""

from bnas.report.progress.listener import Progress
from bnas.report.progress.retraining import RetrainingProgress

__all__ = ["Progress", "RetrainingProgress"]
