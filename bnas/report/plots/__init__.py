"""Plots of a front: a picture for print, one for the screen, and a page to explore."""

from bnas.report.plots.writing import plot_run, write_front_plots

__all__ = ["plot_run", "write_front_plots"]
