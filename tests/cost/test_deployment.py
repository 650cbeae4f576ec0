"""The rules of deployed engines, each broken alone."""

import pytest

from bnas.architecture import Architecture, Stage, Stem, Unit, load_design, published_names, valid
from bnas.cost import Breach, breaches, ledger
from bnas.cost.deployment import TARGETS, Target

ORDER = "convolution, non-linearity and norm must stand in this order to be fused, but "


def design(*, width: int = 32, **unit: object) -> Architecture:
    stage = Stage(depth=1, width=width, unit=Unit(**unit))  # type: ignore[arg-type]
    return valid(Architecture(skeleton="mobilenet", stem=Stem(width=width), stages=(stage,)))


def pointwise(architecture: Architecture) -> list[Breach]:
    """What the 1x1 convolution breaks; the 3x3 one always pads with zero."""
    found = breaches(architecture, target="lce")
    return [breach for breach in found if breach.layer == "stage1.block1.unit2.conv"]


def test_a_fast_layer() -> None:
    assert pointwise(design()) == []
    assert pointwise(design(width=128, groups=4)) == []
    assert pointwise(design(nonlinearity="relu", placement="before-norm")) == []


def test_padding_with_zero() -> None:
    assert breaches(design(), target="lce") == (
        Breach(
            "stage1.block1.unit1.conv",
            "padding",
            "padding must be with one, but this 3x3 convolution pads with zero, which has no bit: "
            "the engine corrects the edges and fuses nothing into the layer; "
            "train it with a padding of one",
        ),
    )


@pytest.mark.parametrize(
    ("architecture", "rule", "message"),
    [
        (
            design(width=40),
            "input-channels",
            (
                "input channels must be a multiple of 32, but got 40; "
                "the engine pads them, so a wider layer costs the same"
            ),
        ),
        (
            design(width=64, groups=4),
            "group-width",
            (
                "the input channels of a group must be a multiple of 32, but got 16 "
                "(64 channels in 4 groups); take fewer groups or more channels"
            ),
        ),
        (
            design(nonlinearity="prelu", placement="before-addition"),
            "order",
            (
                f"{ORDER}got prelu behind the norm; "
                "take order 'sign-conv-norm' and placement 'before-norm'"
            ),
        ),
        (
            # The block applies it, behind its addition.
            design(nonlinearity="relu", placement="after-addition", shortcut="block"),
            "order",
            (
                f"{ORDER}got relu behind the norm; "
                "take order 'sign-conv-norm' and placement 'before-norm'"
            ),
        ),
        (
            design(order="norm-sign-conv"),
            "order",
            (
                f"{ORDER}got the norm in front of the sign; "
                "take order 'sign-conv-norm' and placement 'before-norm'"
            ),
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_layer(
    architecture: Architecture, rule: str, message: str
) -> None:
    layer = "stage1.block1.unit2.conv"
    assert pointwise(architecture) == [Breach(layer, rule, message)]
    assert str(Breach(layer, rule, message)) == f"{layer}: {message}"


def test_output_channels() -> None:
    stage = Stage(depth=1, width=36)
    architecture = valid(Architecture(skeleton="mobilenet", stem=Stem(width=32), stages=(stage,)))
    assert pointwise(architecture) == [
        Breach(
            "stage1.block1.unit2.conv",
            "output-channels",
            "output channels must be a multiple of 8, but got 36; "
            "the engine computes so many at once, so a wider layer costs the same",
        )
    ]


@pytest.mark.parametrize("name", published_names())
@pytest.mark.parametrize("target", TARGETS)
def test_layers_are_those_of_the_ledger(name: str, target: Target) -> None:
    architecture = load_design(name).architecture
    rows = ledger(architecture, image_size=32, num_classes=10).layers
    binary = {row.name for row in rows if row.kind == "binary-conv"}
    assert {breach.layer for breach in breaches(architecture, target=target)} <= binary
