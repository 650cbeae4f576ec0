"""Counted and published figures of the papers' networks, exact to the last operation."""

from dataclasses import replace

import pytest

from bnas.architecture import Architecture, Design, load_design, valid
from bnas.cost import Ledger, Totals, ledger


def priced(design: Design, architecture: Architecture | None = None) -> Ledger:
    return ledger(
        architecture or design.architecture,
        image_size=design.image_size,
        num_classes=design.num_classes,
        in_channels=design.in_channels,
    )


def operations(totals: Totals) -> tuple[float, float, float]:
    return totals.bops, totals.flops, totals.ops


# Block: input and output channels, output size, BOPs of the 3x3 and of the 1x1 convolutions.
REACTNET_A = {
    "stage1.block1": (32, 64, 112, 115_605_504, 25_690_112),
    "stage2.block1": (64, 128, 56, 115_605_504, 25_690_112),
    "stage2.block2": (128, 128, 56, 462_422_016, 51_380_224),
    "stage3.block1": (128, 256, 28, 115_605_504, 25_690_112),
    "stage3.block2": (256, 256, 28, 462_422_016, 51_380_224),
    "stage4.block1": (256, 512, 14, 115_605_504, 25_690_112),
    "stage4.block2": (512, 512, 14, 462_422_016, 51_380_224),
    "stage4.block3": (512, 512, 14, 462_422_016, 51_380_224),
    "stage4.block4": (512, 512, 14, 462_422_016, 51_380_224),
    "stage4.block5": (512, 512, 14, 462_422_016, 51_380_224),
    "stage4.block6": (512, 512, 14, 462_422_016, 51_380_224),
    "stage5.block1": (512, 1024, 7, 115_605_504, 25_690_112),
    "stage5.block2": (1024, 1024, 7, 462_422_016, 51_380_224),
}


@pytest.mark.parametrize("block", REACTNET_A)
def test_a_block_of_reactnet_a(block: str) -> None:
    layers = priced(load_design("reactnet-a")).layers
    convs = [row for row in layers if row.name.startswith(f"{block}.") and row.bops]
    three, *ones = convs
    in_channels, out_channels, size, bops_3x3, bops_1x1 = REACTNET_A[block]
    assert (three.kernel_size, three.in_channels, three.out_channels) == (3, *(in_channels,) * 2)
    assert {(row.kernel_size, row.in_channels) for row in ones} == {(1, in_channels)}
    # Two convolutions side by side where the channels double.
    assert len(ones) == out_channels // in_channels
    assert sum(row.out_channels for row in ones) == out_channels
    assert {row.out_size for row in convs} == {size}
    assert (three.bops, sum(row.bops for row in ones)) == (bops_3x3, bops_1x1)


def test_reactnet_a_in_total() -> None:
    found = priced(load_design("reactnet-a"))
    flops = {row.name: row.flops for row in found.layers if row.flops}
    assert flops == {"stem.conv": 10_838_016, "classifier": 1_024_000}
    assert operations(found.totals) == (4_816_896_000, 11_862_016, 87_126_016)
    # PokeBNN (table of ReActNet-A): 7.9e9 with a bfloat16 stem and classifier.
    assert found.totals.ace == 4_816_896_000 + 256 * 11_862_016 == 7_853_572_096


@pytest.mark.parametrize(
    ("groups", "flops", "ops"), [(4, 43_974_656, 117_231_616), (1, 140_312_576, 213_569_536)]
)
def test_reactnet_b_and_c_with_their_widening_convolutions_real(
    groups: int, flops: int, ops: int
) -> None:
    found = priced(load_design("reactnet-a"))
    widening = sum(row.bops for row in found.layers if row.name.endswith(("conv1", "conv2")))
    totals = found.totals
    assert totals.bops - widening == 4_688_445_440
    assert totals.flops + widening // groups == flops
    assert (totals.bops - widening) / 64 + totals.flops + widening // groups == ops


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reactnet-b", (4_688_445_440, 43_974_656, 117_231_616)),
        ("reactnet-c", (4_688_445_440, 140_312_576, 213_569_536)),
    ],
)
def test_reactnet_b_and_c(name: str, expected: tuple[int, int, float]) -> None:
    assert operations(priced(load_design(name)).totals) == expected


def test_the_grouped_stem_makes_binaryresnet_e18() -> None:
    bireal = load_design("bireal-18")
    own = bireal.architecture
    grouped = replace(own, stem=replace(own.stem, kind="grouped"))
    found = priced(bireal, valid(grouped))
    stem = {row.name: row.flops for row in found.layers if row.name.startswith("stem.conv")}
    assert stem == {
        "stem.conv1": 10_838_016,
        "stem.conv2": 28_901_376,
        "stem.conv3": 28_901_376,
    }
    # Published as 1.14e8, which leaves the classifier out, as Bi-Real Net's 1.63e8 does.
    assert found.totals.ops - 512_000 == 114_100_224


def test_an_8_bit_stem_counts_8_bits_in_ace_and_a_byte_a_weight() -> None:
    bireal = load_design("bireal-18")
    own = bireal.architecture
    eight = priced(bireal, valid(replace(own, stem=replace(own.stem, bits=8))))
    real = priced(bireal)
    assert operations(eight.totals) == operations(real.totals)
    assert real.totals.ace - eight.totals.ace == 118_013_952 * (16**2 - 8**2)
    assert real.totals.packed_bytes - eight.totals.packed_bytes == 3 * 7 * 7 * 3 * 64


def test_bireal_18() -> None:
    found = priced(load_design("bireal-18"))
    real = {row.name: row.flops for row in found.layers if row.flops}
    assert real.pop("stem.conv") == 118_013_952
    assert real.pop("classifier") == 512_000
    assert sum(real.values()) == 19_267_584
    assert set(real) == {f"stage{n}.block1.unit1.shortcut.conv" for n in (2, 3, 4)}
    assert operations(found.totals) == (1_676_279_808, 137_793_536, 163_985_408)
    # The published 1.63e8 leaves the classifier out.
    assert found.totals.ops - 512_000 == 163_473_408


def test_resnet20_without_parameters_in_its_shortcuts() -> None:
    found = priced(load_design("resnet20-bireal"))
    flops = {row.name: row.flops for row in found.layers if row.flops}
    assert flops == {"stem.conv": 442_368, "classifier": 640}
    assert operations(found.totals) == (40_108_032, 443_008, 1_069_696)
    # In so small a network the stem is a matter of design.
    assert found.totals.flops / found.totals.ops == pytest.approx(0.41, abs=0.005)


def test_resnet20_with_real_downsampling() -> None:
    design = load_design("resnet20-bireal")
    stages = tuple(
        replace(stage, downsampling="real-1x1" if stage.downsampling else None)
        for stage in design.architecture.stages
    )
    variant = valid(replace(design.architecture, stages=stages))
    assert operations(priced(design, variant).totals) == (40_108_032, 705_152, 1_331_840)
    # ReActNet's units have the same convolutions.
    twin = priced(load_design("resnet20-reactnet")).totals
    assert operations(twin) == (40_108_032, 705_152, 1_331_840)


@pytest.mark.parametrize("name", ["reactnet-a", "bireal-18", "resnet20-bireal"])
def test_a_float_twin_has_as_many_operations(name: str) -> None:
    found = priced(load_design(name))
    assert found.float_twin_flops == found.totals.bops + found.totals.flops
