from pathlib import Path

import pytest
import torch
from torch import nn

from bnas.architecture import Architecture, Design, Stage, Stem, Unit, valid
from bnas.blocks import build
from bnas.export.facts import Normalisation
from bnas.export.weights import write_network

SMALL = valid(
    Architecture(
        skeleton="resnet",
        stem=Stem(width=4, bits=8),
        stages=(
            Stage(depth=1, width=4, unit=Unit(weight_scale="mean", weight_estimator="recu")),
            Stage(depth=1, width=6, stride=2, unit=Unit(nonlinearity="rprelu", groups=2)),
        ),
    )
)
DESIGN = Design(name="small", architecture=SMALL, image_size=8, num_classes=3, in_channels=2)
NORMALISATION = Normalisation(mean=(100.5, 0.1), deviation=(50.25, 1 / 3))


def randomised(network: nn.Module, seed: int = 8) -> nn.Module:
    """With parameters and statistics that no symmetry hides behind, as a training leaves them."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in [*network.named_parameters(), *network.named_buffers()]:
        if value.is_floating_point():
            drawn = torch.randn(value.shape, generator=generator)
            value.data.copy_(drawn.abs() + 0.1 if "running_var" in name else 0.5 * drawn)
    return network.eval()


def network_of(design: Design) -> nn.Module:
    return randomised(
        build(
            design.architecture,
            num_classes=design.num_classes,
            in_channels=design.in_channels,
            image_size=design.image_size,
        )
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The folder of a small trained network."""
    folder = tmp_path / "small"
    write_network(folder, network_of(DESIGN), design=DESIGN, normalisation=NORMALISATION)
    return folder
