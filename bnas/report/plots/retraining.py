"""Writes the plots of a retraining: its front, and proxy scores against final accuracies."""

from pathlib import Path

from bnas.report.formatting import counted
from bnas.report.plots.agreement import draw_agreement
from bnas.report.plots.curve import plot_curve
from bnas.report.plots.scene import Words
from bnas.report.plots.writing import write_front_plots
from bnas.runs.curves import CURVE, read_curve
from bnas.runs.files import write_bytes
from bnas.runs.retraining.result import OBJECTIVES, Retraining


def plot_retraining(retraining: Retraining) -> tuple[Path, ...]:
    """Writes `plots/front.*` and, where designs have proxy scores, `plots/agreement.*`.

    Beside the curve of each training, `curve.png` and `curve.svg` are written too.

    Returns:
        The paths of those in `plots/`.

    Raises:
        RunError: The folder cannot be written.
    """
    configuration, folder = retraining.configuration, retraining.folder
    evaluator = configuration.evaluator
    front = retraining.front()
    paths = write_front_plots(
        folder.plots,
        title=folder.name,
        subtitle=f"{evaluator.name}, {counted(evaluator.epochs, 'epoch')}, data {evaluator.data}",
        records=retraining.records,
        front=front,
        objectives=OBJECTIVES,
        chance=1 / retraining.design(configuration.designs[0].digest).num_classes,
        bounds={},
        estimates=retraining.estimates,
        words=Words(
            accuracy="test accuracy", named="published designs", others="other retrained designs"
        ),
        notes=(notes(retraining, len(front)),),
    )
    pictures = draw_agreement(
        retraining.designs(),
        retraining.agreement(),
        title=folder.name,
        proxy=configuration.proxy or "none",
    )
    for kind, content in pictures.items():
        paths += (folder.plots / f"agreement.{kind}",)
        write_bytes(paths[-1], content)
    for curve in sorted(folder.networks.glob(f"*/{CURVE}")):
        if read_curve(curve.parent):
            plot_curve(curve.parent, title=f"{folder.name}: {curve.parent.name}")
    return paths


def notes(retraining: Retraining, num_front: int) -> str:
    """What a table or picture of a retraining is of."""
    seeds = len(retraining.configuration.seeds)
    spread = (
        f"means over {seeds} seeds and their 95 % t-intervals"
        if seeds > 1
        else "a single seed for each design: small differences may be chance"
    )
    designs = counted(len(retraining.configuration.designs), "retrained design")
    failed = f"; {counted(retraining.num_failed, 'training')} failed" * bool(retraining.num_failed)
    return (
        f"{designs}, {num_front} on the front{failed}. Trained on training and validation images "
        f"together, scored once on test images that no search has seen; {spread}."
    )
