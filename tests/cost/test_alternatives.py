"""The price of every single choice."""

from dataclasses import replace

import pytest

from bnas.architecture import Architecture, load_design, published_names, valid
from bnas.cost import Alternative, Totals, alternatives, ledger


def price(architecture: Architecture) -> Totals:
    return ledger(architecture, image_size=32, num_classes=10).totals


def found(name: str) -> dict[tuple[str, str | int], Alternative]:
    """The alternatives by choice and other value."""
    rows = alternatives(load_design(name).architecture, price)
    keyed = {(row.choice, row.other): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def test_groups_of_resnet20() -> None:
    row = found("resnet20-bireal")["unit.groups", 2]
    own = price(load_design("resnet20-bireal").architecture)
    assert (row.value, row.totals.bops) == (1, own.bops / 2)
    assert row.totals.flops == own.flops


def test_a_block_less() -> None:
    row = found("resnet20-bireal")["stages.1.depth", 2]
    own = price(load_design("resnet20-bireal").architecture)
    assert row.value == 3
    # Two convolutions of 32 channels on 16x16 pixels.
    assert own.bops - row.totals.bops == 2 * 32 * 32 * 9 * 16 * 16


def test_real_downsampling_of_resnet20() -> None:
    row = found("resnet20-bireal")["downsampling", "real-1x1"]
    assert (row.value, row.totals.ops) == ("zero-pad", 1_331_840)


def test_a_stage_that_differs_is_left_as_it_is() -> None:
    own = load_design("resnet20-bireal").architecture
    first, *rest = own.stages
    mixed = valid(replace(own, stages=(replace(first, unit=replace(first.unit, groups=4)), *rest)))
    rows = {
        (row.value, row.other): row.totals
        for row in alternatives(mixed, price)
        if row.choice == "unit.groups"
    }
    assert rows[4, 1] == price(own)
    assert rows[1, 4] == price(
        replace(
            own,
            stages=tuple(
                replace(stage, unit=replace(stage.unit, groups=4)) for stage in own.stages
            ),
        )
    )


@pytest.mark.parametrize("name", published_names())
def test_every_alternative_costs_something_else(name: str) -> None:
    own = price(load_design(name).architecture)
    rows = found(name).values()
    assert all(row.totals != own and row.other != row.value for row in rows)
    choices = {row.choice for row in rows}
    assert {"stem.kind", "unit.groups", "unit.nonlinearity"} <= choices
    # Activations of 0 and 1 have no threshold to choose.
    assert ("unit.threshold" in choices) == (name != "binaryduo-resnet18")
    # Estimators are free; they matter to training alone.
    assert not any("estimator" in choice or "beta" in choice for choice in choices)


def test_impossible_alternatives_are_left_out() -> None:
    own = load_design("resnet20-bireal").architecture
    narrow = valid(
        replace(
            own,
            stem=replace(own.stem, width=2),
            stages=tuple(replace(stage, width=2 * 2**i) for i, stage in enumerate(own.stages)),
        )
    )
    groups = [row.other for row in alternatives(narrow, price) if row.choice == "unit.groups"]
    assert groups == [2]
