"""What each counting convention makes of the same layers."""

import pytest

from bnas.architecture import load_design
from bnas.cost import (
    ALL_ELEMENTWISE,
    BI_REAL,
    CONVENTIONS,
    TWO_PER_MAC,
    Convention,
    Ledger,
    ledger,
)

DESIGNS = ("reactnet-a", "bireal-18", "resnet20-reactnet")


def priced(name: str, convention: Convention) -> Ledger:
    design = load_design(name)
    return ledger(
        design.architecture,
        image_size=design.image_size,
        num_classes=design.num_classes,
        convention=convention,
    )


def test_conventions_are_found_by_name_and_bi_real_is_the_default() -> None:
    assert list(CONVENTIONS) == ["bi-real", "all-elementwise", "two-per-mac"]
    assert all(CONVENTIONS[name].name == name for name in CONVENTIONS)
    design = load_design("bireal-18").architecture
    assert ledger(design, image_size=224, num_classes=1000) == priced("bireal-18", BI_REAL)


def test_reactnet_a_with_every_elementwise_operation() -> None:
    totals = priced("reactnet-a", ALL_ELEMENTWISE).totals
    assert (totals.bops, totals.flops, totals.ops) == (4_816_896_000, 42_018_792, 117_282_792)


def test_reactnet_a_as_counted_in_its_issue_tracker() -> None:
    # Norms as two operations, PReLU without its shifts, pooling: 0.28e8 FLOPs.
    default = priced("reactnet-a", BI_REAL)
    found = default.uncounted
    assert found == {
        "norm": 5_042_688,
        "sign": 4_992_512,
        "addition": 4_641_280,
        "nonlinearity": 13_923_840,
        "pooling": 1_555_456,
        "linear": 1_000,
    }
    flops = default.totals.flops + 2 * found["norm"] + found["pooling"]
    assert flops + found["nonlinearity"] // 3 == 28_144_128


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_not_counted_is_listed(name: str) -> None:
    default, complete = priced(name, BI_REAL), priced(name, ALL_ELEMENTWISE)
    assert sum(default.uncounted.values()) == default.totals.elementwise > 0
    assert complete.uncounted == {}
    assert complete.totals.flops == default.totals.flops + default.totals.elementwise
    assert priced(name, TWO_PER_MAC).uncounted == default.uncounted


@pytest.mark.parametrize("name", DESIGNS)
def test_two_operations_a_mac_double_everything_that_counts(name: str) -> None:
    default, doubled = priced(name, BI_REAL).totals, priced(name, TWO_PER_MAC).totals
    assert doubled.bops == 2 * default.bops
    assert doubled.flops == 2 * default.flops
    assert doubled.ops == 2 * default.ops


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
@pytest.mark.parametrize("name", DESIGNS)
def test_conventions_change_nothing_but_operations(name: str, convention: Convention) -> None:
    default, other = priced(name, BI_REAL), priced(name, convention)
    assert other.convention is convention
    assert [row._replace(bops=0, flops=0) for row in other.layers] == [
        row._replace(bops=0, flops=0) for row in default.layers
    ]


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
@pytest.mark.parametrize("name", DESIGNS)
def test_totals_are_the_sum_of_the_layers(name: str, convention: Convention) -> None:
    found = priced(name, convention)
    totals = found.totals.as_dict()
    assert totals.pop("ops") == sum(row.ops for row in found.layers)
    peak = totals.pop("peak_activation_bytes")
    assert peak == max(row.activation_bytes for row in found.layers)
    assert totals == {key: sum(getattr(row, key) for row in found.layers) for key in totals}
    assert found.totals.ops == found.totals.bops / 64 + found.totals.flops


def test_a_total_by_name() -> None:
    totals = priced("resnet20-reactnet", BI_REAL).totals
    for name, value in totals.as_dict().items():
        assert totals.value(name) == value
