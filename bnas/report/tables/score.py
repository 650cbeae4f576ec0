"""The score of a trained network as a table."""

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from bnas.report.choices import CLOSED
from bnas.report.formatting import percent
from bnas.report.tables.output import facts, quiet, table

if TYPE_CHECKING:
    from bnas.evaluation.scoring import NetworkScore
    from bnas.export.facts import TrainedFacts


def score_table(
    network: "TrainedFacts", found: "NetworkScore", *, data: str, split: str
) -> RenderableType:
    """Accuracy, loss, and the classes if they are few.

    Args:
        network: Which network.
        found: Its score.
        data: What it was scored on.
        split: Which part of that.
    """
    low, high = found.interval
    head = facts(
        [
            ("network", network.name),
            ("data", f"{data}, {split}, {found.images:,} images"),
            ("accuracy", f"{percent(found.accuracy)} % ({percent(low)} to {percent(high)})"),
            ("loss", f"{found.loss:.4f}"),
        ]
    )
    note = "The interval is Wilson's at 95 %: what the number of images leaves open."
    if network.training is not None and network.training.data == data and split != "test":
        note += " The network was trained on such images."
    return Group(head, quiet(note), *([_classes(network, found)] if found.classes else []))


def _classes(network: "TrainedFacts", found: "NetworkScore") -> RenderableType:
    names = network.class_names or tuple(str(one.label) for one in found.classes)
    rows = table("class", "images", "correct %", "mistaken for", numbers=["images", "correct %"])
    for one in found.classes:
        other = "" if one.mistaken_for is None else f"{names[one.mistaken_for]} ({one.mistakes})"
        share = percent(one.correct / one.images) if one.images else CLOSED
        rows.add_row(names[one.label], f"{one.images:,}", share, other)
    return rows
