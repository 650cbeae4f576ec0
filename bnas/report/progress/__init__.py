"""The progress of a search while it runs."""

from bnas.report.progress.listener import Progress

__all__ = ["Progress"]
