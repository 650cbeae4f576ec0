"""Writes the plots of a front as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bnas.cost.ledger import Cost
from bnas.report.formatting import counted
from bnas.report.plots.scene import Words, scene
from bnas.runs.files import write_bytes, writing
from bnas.runs.repeats import Estimate
from bnas.search.objectives import ACCURACY, ObjectiveName
from bnas.search.settings import Band
from bnas.search.trials import TrialRecord

if TYPE_CHECKING:
    from bnas.runs.run import Run


def plot_run(run: "Run") -> tuple[Path, ...]:
    """Writes `plots/front.png`, `.svg` and `.html` of a run, and returns their paths.

    Raises:
        RunError: The study is missing or damaged, or the folder cannot be written.
    """
    configuration = run.configuration
    search, evaluator = configuration.search, configuration.evaluator
    subtitle = (
        f"space {configuration.space.name}, evaluator {evaluator.name} "
        f"({counted(evaluator.epochs, 'epoch')}), sampler {search.sampler}, seed {search.seed}"
    )
    reference = dict(zip(run.objectives, configuration.reference or (), strict=False))
    return write_front_plots(
        run.folder.plots,
        title=run.folder.name,
        subtitle=subtitle,
        records=run.trials,
        front=run.front(),
        objectives=run.objectives,
        chance=reference.get(ACCURACY),
        bounds=search.bounds,
        estimates=run.estimates,
    )


def write_front_plots(
    folder: Path,
    *,
    title: str,
    subtitle: str,
    records: Sequence[TrialRecord],
    front: Sequence[TrialRecord],
    objectives: Sequence[ObjectiveName],
    chance: float | None,
    bounds: Mapping[Cost, Band],
    estimates: Mapping[str, Estimate] | None = None,
    words: Words | None = None,
    notes: Sequence[str] | None = None,
) -> tuple[Path, ...]:
    """Writes `front.png`, `front.svg` and `front.html`, each as a whole or not at all.

    The same trials give the same bytes. Without a finished trial the files say so.

    Args:
        folder: Where to write; made if missing.
        title: Name of the run.
        subtitle: What was searched, in one line.
        records: Trials of every outcome; the finished ones are drawn, the others counted.
        front: The front in the order of its table, which numbers the points.
        objectives: Accuracy, and one or two costs with a panel each.
        chance: Accuracy of guessing, in [0, 1], if known.
        bounds: Ranges of costs in which candidates were trained, drawn as lines.
        estimates: What is known of repeated designs, by digest; their intervals are drawn.
        words: What things are called.
        notes: Sentences below the picture; None says how many trials there are, and of what.

    Raises:
        RunError: The disk is full or the folder cannot be written.
    """
    from bnas.report.plots.drawing import draw
    from bnas.report.plots.page import page

    picture = scene(
        title=title,
        subtitle=subtitle,
        records=records,
        front=front,
        objectives=objectives,
        chance=chance,
        bounds=bounds,
        estimates=estimates or {},
        words=words or Words(),
        notes=notes,
    )
    contents = {**draw(picture), "html": page(picture).encode()}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, content in contents.items():
        paths.append(folder / f"front.{kind}")
        write_bytes(paths[-1], content)
    return tuple(paths)
