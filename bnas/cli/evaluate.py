"""`bnas evaluate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from bnas.cli.options import as_json
from bnas.search.settings import Device

if TYPE_CHECKING:
    from bnas.data.split import Part


@click.command("evaluate")
@click.argument("weights", type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="DATA",
    help="Data set by name, or a path (docs/data.md).  [default: that of its training]",
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
    from bnas.errors import InvalidData
    from bnas.evaluation.proxy import check_device
    from bnas.evaluation.scoring import data_like_training, score_network
    from bnas.export.loading import load

    check_device(device)
    network = load(weights)
    images = data_like_training(network.facts, source=data, split_seed=split_seed)
    if images is None:
        raise InvalidData(
            f"{weights} must be scored on some data, but does not say which it was trained on; "
            "name them with --data"
        )
    found = score_network(network, images, part=split, device=device)
    source = images.source
    if as_json:
        head = {
            "network": str(weights),
            "data": source,
            "split": split,
            "split_seed": images.split_seed,
        }
        click.echo(json.dumps({**head, **found.as_dict()}, indent=2))
        return
    from bnas.report.tables import score_table, show

    show(score_table(network.facts, found, data=source, split=split))
