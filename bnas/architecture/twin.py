"""The real-valued twin of a design: the same network without anything that is binary."""

from dataclasses import replace

from bnas.architecture.canonical import canonical
from bnas.architecture.model import Architecture, Stage, Unit

_BINARY = Unit()
# What only binary weights and activations have, at what it is in a unit that says nothing of it.
_WITHOUT_EFFECT = {
    name: getattr(_BINARY, name)
    for name in (
        "activation_levels",
        "activation_estimator",
        "activation_beta",
        "weight_estimator",
        "weight_beta",
        "threshold",
        "weight_scale",
        "weight_scale_init",
        "regulariser",
        "regulariser_weight",
        "padding",
    )
}


def twin_of(architecture: Architecture) -> Architecture:
    """The design that names the real-valued twin of another one; that of a twin is itself.

    Left are skeleton, widths, depths, groups, orders, norms, non-linearities, shortcuts and
    attention. Choices that only binary operands have take their defaults, paired activations become
    one, a binary 1x1 convolution in a shortcut becomes a real one, and an 8-bit stem a real one.
    Designs that differ in nothing else have one twin, which `digest` names. The network of a twin
    is `bnas.blocks.build_twin`'s: there ReLU stands for each sign, and weights are real.
    """
    return canonical(
        replace(
            architecture,
            stem=replace(architecture.stem, bits=32),
            stages=tuple(_twin_stage(stage) for stage in architecture.stages),
        )
    )


def _twin_stage(stage: Stage) -> Stage:
    is_binary = stage.downsampling == "binary-1x1"
    return replace(
        stage,
        unit=replace(stage.unit, **_WITHOUT_EFFECT),
        downsampling="real-1x1" if is_binary else stage.downsampling,
    )
