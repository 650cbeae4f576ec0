"""The same design in other widths: a cheaper stand-in whose ranks may be those of the whole."""

from dataclasses import replace
from math import gcd

from bnas.architecture.form import valid
from bnas.architecture.model import Architecture, Stage
from bnas.errors import InvalidArchitecture


def scaled(architecture: Architecture, factor: float) -> Architecture:
    """The design with all widths times `factor`: of stem, stages and hidden layers.

    Groups that do not divide the new widths become their greatest common divisor with them, so that
    they stay as many as there can be.

    Args:
        architecture: A valid design.
        factor: Of every width; 1 leaves the design as it is.

    Raises:
        InvalidArchitecture: A width would not be whole, or a rule of validity breaks.
    """
    if factor == 1:
        return architecture
    stem = replace(architecture.stem, width=_whole(architecture.stem.width, factor))
    hidden = tuple(_whole(width, factor) for width in architecture.head.hidden)
    stages: list[Stage] = []
    for stage in architecture.stages:
        inputs = stages[-1].width if stages else stem.width
        stages.append(_stage(stage, inputs, _whole(stage.width, factor)))
    head = replace(architecture.head, hidden=hidden)
    return valid(replace(architecture, stem=stem, stages=tuple(stages), head=head))


def _stage(stage: Stage, inputs: int, outputs: int) -> Stage:
    def fitting(groups: int | None) -> int | None:
        return None if groups is None else gcd(groups, inputs, outputs)

    return replace(
        stage,
        width=outputs,
        unit=replace(stage.unit, groups=gcd(stage.unit.groups, inputs, outputs)),
        downsampling_groups=fitting(stage.downsampling_groups),
        widening_groups=fitting(stage.widening_groups),
    )


def _whole(width: int, factor: float) -> int:
    scaled_width = width * factor
    if scaled_width < 1 or not scaled_width.is_integer():
        raise InvalidArchitecture(
            f"a width times the width factor must be whole, but {width} x {factor:g} is "
            f"{scaled_width:g}; take another factor"
        )
    return int(scaled_width)
