"""A network small enough to be priced by hand: 5x5 pixels, 4 then 8 channels, 3 classes."""

import pytest

from bnas.architecture import Architecture, Stage, Stem, Unit, valid
from bnas.cost import COSTS, Ledger, ledger
from bnas.cost.totals import LayerCost


def network(width: int = 8, **unit: object) -> Architecture:
    """A stem of half the width, and one block that halves the pixels."""
    choices = {
        "threshold": "learnable",
        "weight_scale": "mean",
        "nonlinearity": "prelu",
        "placement": "before-addition",
        "shortcut": "conv",
        **unit,
    }
    stage = Stage(depth=1, width=width, stride=2, unit=Unit(**choices), downsampling="zero-pad")  # type: ignore[arg-type]
    return valid(Architecture(skeleton="resnet", stem=Stem(width=width // 2), stages=(stage,)))


def priced(architecture: Architecture) -> Ledger:
    return ledger(architecture, image_size=5, num_classes=3, in_channels=1)


def column(found: Ledger, name: str) -> dict[str, int]:
    """The values of a column that are not zero, without the names' common part."""
    values = {row.name: getattr(row, name) for row in found.layers}
    return {key.replace("stage1.block1.", ""): value for key, value in values.items() if value}


def test_operations() -> None:
    found = priced(network())
    assert column(found, "bops") == {"unit1.conv": 4 * 8 * 9 * 9, "unit2.conv": 8 * 8 * 9 * 9}
    assert column(found, "flops") == {"stem.conv": 9 * 4 * 25, "classifier": 8 * 3}
    totals = found.totals
    assert (totals.bops, totals.flops, totals.ops) == (7776, 924, 1045.5)
    assert totals.ace == 7776 + 256 * 924


def test_packed_bytes() -> None:
    found = priced(network())
    assert column(found, "packed_bytes") == {
        "stem.conv": 4 * 36,
        "stem.norm": 4 * 2 * 4,
        "unit1.threshold": 4 * 4,
        "unit1.conv": 288 // 8,
        "unit1.conv.scale": 4 * 8,
        "unit1.norm": 4 * 2 * 8,
        "unit1.nonlinearity": 4 * 8,
        "unit2.threshold": 4 * 8,
        "unit2.conv": 576 // 8,
        "unit2.conv.scale": 4 * 8,
        "unit2.norm": 4 * 2 * 8,
        "unit2.nonlinearity": 4 * 8,
        "classifier": 4 * (8 * 3 + 3),
    }
    totals = found.totals
    # Mean scales are computed, not trained.
    assert (totals.packed_bytes, totals.binary_params, totals.real_params) == (696, 864, 131)


def test_a_started_byte_of_binary_weights_counts() -> None:
    found = priced(network(width=6))
    assert column(found, "packed_bytes")["unit1.conv"] == 21  # 162 bits
    assert column(found, "packed_bytes")["unit2.conv"] == 41  # 324 bits


def test_elementwise_operations() -> None:
    found = priced(network())
    assert column(found, "elementwise") == {
        "stem.norm": 100,
        # A threshold is what the sign compares with, a scale is absorbed by the norm behind it.
        "unit1.sign": 100,
        "unit1.norm": 72,
        "unit1.nonlinearity": 72,
        "unit1.shortcut.pool": 4 * 36,
        "unit1.addition": 72,
        "unit2.sign": 72,
        "unit2.norm": 72,
        "unit2.nonlinearity": 72,
        "unit2.addition": 72,
        "pool": 72,
        "classifier": 3,
    }
    assert found.totals.elementwise == 923


@pytest.mark.parametrize(
    "design", [network(order="norm-sign-conv"), network(placement="before-norm")]
)
def test_a_scale_with_no_norm_directly_behind_it_multiplies(design: Architecture) -> None:
    found = column(priced(design), "elementwise")
    assert found["unit1.conv.scale"] == found["unit2.conv.scale"] == 72


@pytest.mark.parametrize(
    ("kind", "trained", "operations"),
    [("relu", 0, 1), ("hardtanh", 0, 1), ("prelu", 1, 1), ("prelu2", 2, 1), ("rprelu", 3, 3)],
)
def test_nonlinearities(kind: str, trained: int, operations: int) -> None:
    rows = priced(network(nonlinearity=kind)).layers
    (row,) = (row for row in rows if row.name.endswith("unit2.nonlinearity"))
    assert (row.real_params, row.packed_bytes) == (8 * trained, 32 * trained)
    assert row.elementwise == 72 * operations


IMAGE, STEM, HALF, OUTPUT = 4 * 25, 4 * 100, 4 * 36, 4 * 72  # bytes of the real tensors
BITS_1, BITS_2 = 13, 9  # bytes of 100 and of 72 bits


def test_activations_with_a_shortcut_around_every_convolution() -> None:
    found = priced(network())
    assert column(found, "activation_bytes") == {
        "stem.conv": IMAGE + STEM,
        "stem.norm": STEM,
        "unit1.threshold": STEM,
        "unit1.sign": STEM + BITS_1,
        "unit1.conv": STEM + BITS_1 + OUTPUT,
        "unit1.conv.scale": STEM + BITS_1 + OUTPUT,
        "unit1.norm": STEM + OUTPUT,
        "unit1.nonlinearity": STEM + OUTPUT,
        "unit1.shortcut.pool": STEM + OUTPUT + HALF,
        # Added zero channels take no memory.
        "unit1.addition": HALF + OUTPUT,
        "unit2.threshold": OUTPUT,
        "unit2.sign": OUTPUT + BITS_2,
        "unit2.conv": OUTPUT + BITS_2 + OUTPUT,
        "unit2.conv.scale": OUTPUT + BITS_2 + OUTPUT,
        "unit2.norm": OUTPUT + OUTPUT,
        "unit2.nonlinearity": OUTPUT + OUTPUT,
        "unit2.addition": OUTPUT + OUTPUT,
        "pool": OUTPUT + 4 * 8,
        "classifier": 4 * 8 + 4 * 3,
    }
    assert found.totals.peak_activation_bytes == 832


def test_activations_with_a_shortcut_around_the_block() -> None:
    found = column(priced(network(shortcut="block")), "activation_bytes")
    assert found["unit1.conv"] == STEM + BITS_1 + OUTPUT
    assert found["unit2.sign"] == STEM + OUTPUT + BITS_2
    assert found["unit2.conv"] == STEM + BITS_2 + OUTPUT
    assert found["shortcut.pool"] == STEM + OUTPUT + HALF
    assert found["addition"] == HALF + OUTPUT


def test_activations_without_shortcuts() -> None:
    found = priced(network(shortcut="none"))
    values = column(found, "activation_bytes")
    assert values["unit1.conv"] == BITS_1 + OUTPUT
    assert values["unit2.conv"] == BITS_2 + OUTPUT
    assert found.totals.peak_activation_bytes == values["stem.conv"] == IMAGE + STEM


def test_rows_are_in_order_of_execution() -> None:
    names = [row.name for row in priced(network(placement="before-norm")).layers]
    unit = [name.rpartition("unit1.")[2] for name in names if ".unit1." in name]
    assert unit == [
        "threshold",
        "sign",
        "conv",
        "conv.scale",
        "nonlinearity",
        "norm",
        "shortcut.pool",
        "addition",
    ]


def test_a_row_knows_its_operations() -> None:
    assert LayerCost("a", "binary-conv", 1, 1, 1, bops=96, flops=2).ops == 3.5


def test_every_cost_is_a_total() -> None:
    assert COSTS == ("ops", "bops", "flops", "ace", "packed_bytes", "peak_activation_bytes")
    assert set(COSTS) <= set(priced(network()).totals.as_dict())


def test_all_channels_are_pooled_behind_duplicated_convolutions() -> None:
    unit = Unit(order="norm-sign-conv", shortcut="none", groups=2)
    stage = Stage(depth=1, width=8, unit=unit, widening="duplicate")
    design = valid(Architecture(skeleton="mobilenet", stem=Stem(width=4), stages=(stage,)))
    (pool,) = (row for row in priced(design).layers if row.name == "pool")
    assert (pool.in_channels, pool.elementwise) == (8, 8 * 25)
