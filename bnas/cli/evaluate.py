"""`bnas evaluate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from bnas.cli.options import as_json
from bnas.search.settings import Device

if TYPE_CHECKING:
    from bnas.evaluation.scoring import Part


@click.command("evaluate")
@click.argument("weights", type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="DATA",
    help="Data set, or an .npz file with x and y.  [default: that of its training]",
)
@click.option(
    "--split",
    type=click.Choice(("test", "validation", "train", "all")),
    default="test",
    show_default=True,
    help="Which images; but of test, the network may have seen them in training.",
)
@click.option(
    "--split-seed", type=click.IntRange(0), help="Of the split.  [default: that of its training]"
)
@click.option("--device", type=click.Choice(get_args(Device)), default="cpu", show_default=True)
@as_json()
def command(
    *,
    weights: Path,
    data: str | None,
    split: "Part",
    split_seed: int | None,
    device: Device,
    as_json: bool,
) -> None:
    """Score a trained network on a data set.

    WEIGHTS is the folder of a network that `bnas retrain` wrote, RUN/networks/NETWORK.
    """
    from bnas.data import read
    from bnas.errors import InvalidData
    from bnas.evaluation.scoring import score_network
    from bnas.export.loading import load

    network = load(weights)
    training = network.facts.training
    source = data or (training.data if training else None)
    if source is None:
        raise InvalidData(
            f"{weights} must be scored on some data, but does not say which it was trained on; "
            "name them with --data"
        )
    seed = split_seed if split_seed is not None else (training.split_seed if training else 0)
    found = score_network(
        network,
        read(source, image_size=training.image_size if training else None),
        part=split,
        split_seed=seed,
        device=device,
        origin=source,
    )
    if as_json:
        head = {"network": str(weights), "data": source, "split": split, "split_seed": seed}
        click.echo(json.dumps({**head, **found.as_dict()}, indent=2))
        return
    from bnas.report.tables import score_table, show

    show(score_table(network.facts, found, data=source, split=split))
