"""Designs in other widths."""

import numpy as np
import pytest

from bnas.architecture import Architecture, Stage, Stem, Unit, load_design, scaled, valid
from bnas.cost import ledger
from bnas.errors import InvalidArchitecture
from bnas.space import load_space


def test_every_width_is_scaled_and_the_rest_stays() -> None:
    whole = load_design("reactnet-a").architecture
    half = scaled(whole, 0.5)
    assert half.stem.width == whole.stem.width / 2
    assert [s.width * 2 for s in half.stages] == [s.width for s in whole.stages]
    assert [s.unit for s in half.stages] == [s.unit for s in whole.stages]
    assert scaled(half, 2.0) == whole
    assert scaled(whole, 1.0) is whole


def test_binary_operations_go_with_the_square() -> None:
    whole = load_design("resnet20-bireal").architecture
    costs = [ledger(a, image_size=32, num_classes=10).totals for a in (whole, scaled(whole, 0.5))]
    assert costs[0].value("bops") == 4 * costs[1].value("bops")


def test_groups_stay_as_many_as_there_can_be() -> None:
    unit = Unit(groups=8, shuffle=True)
    whole = valid(
        Architecture(
            skeleton="resnet",
            stem=Stem(width=16),
            stages=(
                Stage(depth=1, width=16, unit=unit),
                Stage(depth=1, width=24, unit=unit, stride=2, downsampling="real-1x1"),
            ),
        )
    )
    assert [stage.unit.groups for stage in scaled(whole, 0.5).stages] == [8, 4]
    assert [stage.unit.groups for stage in scaled(whole, 0.25).stages] == [4, 2]


@pytest.mark.parametrize("name", ["resnet", "mobilenet"])
def test_designs_of_spaces_stay_valid(name: str) -> None:
    space = load_space(name)
    rng = np.random.default_rng(0)
    for _ in range(20):
        half = scaled(space.sample(rng), 0.5)
        assert half == valid(half)


def test_a_width_that_is_not_whole_is_refused() -> None:
    with pytest.raises(InvalidArchitecture) as caught:
        scaled(load_design("resnet20-bireal").architecture, 0.3)
    assert str(caught.value) == (
        "a width times the width factor must be whole, but 16 x 0.3 is 4.8; take another factor"
    )
