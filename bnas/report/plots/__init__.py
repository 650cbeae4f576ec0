"""Plots of a front (for print, for the screen, and a page to explore) and of proxies."""

from bnas.report.plots.fidelity import write_fidelity_plots
from bnas.report.plots.retraining import plot_retraining
from bnas.report.plots.writing import plot_run, write_front_plots

__all__ = ["plot_retraining", "plot_run", "write_fidelity_plots", "write_front_plots"]
