"""Every row of the ledger, recomputed from the design by textbook formulas on a tape of tensors.

The tape knows neither plan nor ledger: it runs the design on tensors without values, counts what
each step does, and finds out what is alive by when each tensor is made and last used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnas.architecture import Architecture, Stage, load_design, published_names
from bnas.cost import LayerCost, ledger
from bnas.definitions import available
from bnas.space import SearchSpace, load_space


@dataclass(frozen=True, eq=False)
class Tensor:
    """Activations of one image."""

    channels: int
    size: int
    bits: int = 32

    @property
    def values(self) -> int:
        return self.channels * self.size * self.size

    @property
    def bytes(self) -> int:
        return ceil(self.values * self.bits / 8)


@dataclass
class Tape:
    """Rows and, for each, the tensors that it reads and writes."""

    rows: list[LayerCost] = field(default_factory=list)
    uses: list[tuple[Tensor, ...]] = field(default_factory=list)

    def record(self, row: LayerCost, *used: Tensor) -> None:
        self.rows.append(row)
        self.uses.append(used)

    def finished(self) -> Iterator[LayerCost]:
        """The rows with the bytes of all tensors between their first and last use."""
        spans: dict[Tensor, tuple[int, int]] = {}
        for step, used in enumerate(self.uses):
            for tensor in used:
                spans[tensor] = (spans.get(tensor, (step, step))[0], step)
        for step, row in enumerate(self.rows):
            live = sum(t.bytes for t, (first, last) in spans.items() if first <= step <= last)
            yield row._replace(activation_bytes=live)

    def conv(
        self,
        name: str,
        x: Tensor,
        channels: int,
        *,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        bits: int | None = None,
        into: Tensor | None = None,
    ) -> Tensor:
        """`bits` is the precision that it computes in, that of x if not given."""
        y = Tensor(channels, ceil(x.size / stride))
        taps = kernel * kernel * (x.channels // groups)
        bits = x.bits if bits is None else bits
        macs, weights, binary = y.values * taps, channels * taps, bits == 1
        row = LayerCost(
            name=name,
            kind={1: "binary-conv", 8: "8-bit-conv", 32: "real-conv"}[bits],  # type: ignore[arg-type]
            in_channels=x.channels,
            out_channels=channels,
            out_size=y.size,
            kernel_size=kernel,
            groups=groups,
            bops=macs if binary else 0,
            flops=0 if binary else macs,
            ace=macs * {1: 1, 8: 8 * 8, 32: 16 * 16}[bits],
            binary_params=weights if binary else 0,
            real_params=0 if binary else weights,
            packed_bytes=ceil(weights * bits / 8),
        )
        self.record(row, x, into or y)
        return into or y

    def pool(self, name: str, x: Tensor, *, window: int, size: int) -> Tensor:
        y = Tensor(x.channels, size)
        row = LayerCost(
            name=name,
            kind="pooling",
            in_channels=x.channels,
            out_channels=x.channels,
            out_size=size,
            kernel_size=window,
            elementwise=y.values * window * window,
        )
        self.record(row, x, y)
        return y

    def linear(self, name: str, x: Tensor, classes: int) -> Tensor:
        row = LayerCost(
            name=name,
            kind="linear",
            in_channels=x.channels,
            out_channels=classes,
            out_size=1,
            flops=classes * x.channels,
            ace=256 * classes * x.channels,
            real_params=classes * x.channels + classes,
            packed_bytes=4 * (classes * x.channels + classes),
            elementwise=classes,
        )
        y = Tensor(classes, 1)
        self.record(row, x, y)
        return y

    def each(
        self, name: str, kind: str, x: Tensor, *others: Tensor, per_channel: str, per_value: int
    ) -> None:
        """An element-wise step; `per_channel` has a letter for each value: trained or deployed."""
        channels = x.channels
        row = LayerCost(
            name=name,
            kind=kind,  # type: ignore[arg-type]
            in_channels=channels,
            out_channels=channels,
            out_size=x.size,
            real_params=per_channel.count("t") * channels,
            packed_bytes=4 * len(per_channel) * channels,
            elementwise=per_value * x.values,
        )
        self.record(row, x, *others)

    def norm(self, name: str, x: Tensor) -> None:
        self.each(name, "norm", x, per_channel="tt", per_value=1)

    def nonlinearity(self, owner: str, kind: str, x: Tensor) -> None:
        slopes = {"relu": "", "hardtanh": "", "prelu": "t", "prelu2": "tt", "rprelu": "ttt"}[kind]
        count = 3 if kind == "rprelu" else 1
        name = f"{owner}.nonlinearity"
        self.each(name, "nonlinearity", x, per_channel=slopes, per_value=count)


def shortcut(tape: Tape, owner: str, stage: Stage, x: Tensor, y: Tensor) -> None:
    """Adds x to y, in the shape of y; the pixels are halved by pooling where y has fewer."""
    name = f"{owner}.shortcut"
    if stage.stride == 2 and owner.endswith(("block1", "block1.unit1")):
        x = tape.pool(f"{name}.pool", x, window=2, size=y.size)
    if stage.downsampling in ("real-1x1", "binary-1x1") and x.channels != y.channels:
        if stage.downsampling == "binary-1x1":
            bits = Tensor(x.channels, x.size, bits=1)
            tape.each(f"{name}.sign", "sign", x, bits, per_channel="", per_value=1)
            x = bits
        groups = stage.downsampling_groups or 1
        x = tape.conv(f"{name}.conv", x, y.channels, kernel=1, groups=groups)
        tape.norm(f"{name}.norm", x)
    tape.each(f"{owner}.addition", "addition", y, x, per_channel="", per_value=1)


@dataclass(frozen=True)
class Step:
    """The convolution of a unit."""

    kernel: int
    stride: int
    channels: int
    groups: int
    pool: bool = False
    last: bool = False


def unit(tape: Tape, name: str, stage: Stage, x: Tensor, *, step: Step) -> Tensor:
    design, widens = stage.unit, step.channels != x.channels
    y = Tensor(step.channels, ceil(x.size / step.stride))
    if stage.widening == "real" and widens:
        if design.order == "norm-sign-conv":
            tape.norm(f"{name}.norm", x)
        groups = stage.widening_groups or 1
        settings = {"kernel": step.kernel, "stride": step.stride, "groups": groups}
        tape.conv(f"{name}.conv", x, step.channels, into=y, **settings)
        return behind(tape, name, stage, x, y, step=step)
    copies = 2 if design.activation_levels == "paired" else 1
    # The copies are made by the norm, and none of them is kept.
    wide = Tensor(x.channels * copies, x.size)
    if design.order == "norm-sign-conv":
        tape.norm(f"{name}.norm", wide)
        tape.uses[-1] = (x,)
    if design.threshold == "learnable":
        tape.each(f"{name}.threshold", "threshold", x, per_channel="t", per_value=0)
    bits = Tensor(wide.channels, x.size, bits=1)
    tape.each(f"{name}.sign", "sign", wide, per_channel="", per_value=1)
    tape.uses[-1] = (x, bits)
    convolutions(
        tape, name, stage, bits, y, step=step, twice=stage.widening == "duplicate" and widens
    )
    if design.attention == "data-driven":
        seen = wide if design.order == "norm-sign-conv" else x
        attention(tape, f"{name}.attention", x, seen, y)
    return behind(tape, name, stage, x, y, step=step)


def convolutions(
    tape: Tape, name: str, stage: Stage, bits: Tensor, y: Tensor, *, step: Step, twice: bool
) -> None:
    design = stage.unit
    for conv in ("conv1", "conv2") if twice else ("conv",):
        path, width = f"{name}.{conv}", step.channels // (2 if twice else 1)
        settings = {"kernel": step.kernel, "stride": step.stride, "groups": step.groups}
        tape.conv(path, bits, width, into=y, **settings)
        if design.weight_scale != "none":
            absorbed = (
                design.order == "sign-conv-norm"
                and design.placement != "before-norm"
                and design.attention == "none"
            )
            part = Tensor(width, y.size)
            scale = "t" if design.weight_scale == "learned" else "d"
            count = 0 if absorbed else 1
            tape.each(f"{path}.scale", "scale", part, per_channel=scale, per_value=count)
            tape.uses[-1] = (y, bits)


def attention(tape: Tape, name: str, x: Tensor, seen: Tensor, y: Tensor) -> None:
    """The mean of each channel, an eighth of them, a factor for each output channel."""
    means = tape.pool(f"{name}.pool", seen, window=x.size, size=1)
    tape.uses[-1] = (x, y, means)
    hidden = tape.linear(f"{name}.squeeze", means, max(1, x.channels // 8))
    tape.each(f"{name}.relu", "attention", hidden, per_channel="", per_value=1)
    factors = tape.linear(f"{name}.excite", hidden, y.channels)
    tape.each(f"{name}.sigmoid", "attention", factors, per_channel="", per_value=1)
    tape.each(f"{name}.product", "attention", y, factors, per_channel="", per_value=1)


def behind(tape: Tape, name: str, stage: Stage, x: Tensor, y: Tensor, *, step: Step) -> Tensor:
    design = stage.unit
    if step.pool:
        y = tape.pool(f"{name}.pool", y, window=2, size=ceil(y.size / 2))
    if design.placement == "before-norm":
        tape.nonlinearity(name, design.nonlinearity, y)
    if design.order == "sign-conv-norm":
        tape.norm(f"{name}.norm", y)
    if design.placement == "before-addition":
        tape.nonlinearity(name, design.nonlinearity, y)
    if design.shortcut == "conv":
        shortcut(tape, name, stage, x, y)
    if design.placement == "after-addition" and not (step.last and design.shortcut == "block"):
        tape.nonlinearity(name, design.nonlinearity, y)
    return y


def assert_costs_as_expected(
    design: Architecture, *, image_size: int, num_classes: int, in_channels: int
) -> None:
    found = ledger(
        design, image_size=image_size, num_classes=num_classes, in_channels=in_channels
    ).layers
    assert list(found) == list(expected(design, image_size, num_classes, in_channels))


def expected(
    architecture: Architecture, image_size: int, num_classes: int, in_channels: int
) -> Iterator[LayerCost]:
    tape = Tape()
    x = stem(tape, architecture, Tensor(in_channels, image_size))
    for number, stage in enumerate(architecture.stages, start=1):
        for index in range(1, stage.depth + 1):
            name, y = f"stage{number}.block{index}", x
            for place, step in enumerate(steps(architecture.skeleton, stage, x, index), start=1):
                y = unit(tape, f"{name}.unit{place}", stage, y, step=step)
            if stage.unit.shortcut == "block":
                shortcut(tape, name, stage, x, y)
                if stage.unit.placement == "after-addition":
                    tape.nonlinearity(name, stage.unit.nonlinearity, y)
            x = y
    if architecture.head.pooling == "average":
        x = tape.pool("pool", x, window=x.size, size=1)
    else:
        x = Tensor(x.values, 1)
    design = architecture.stages[-1].unit
    alone = replace(design, shortcut="none", groups=1, attention="none")
    for number, width in enumerate(architecture.head.hidden, start=1):
        stage = replace(architecture.stages[-1], unit=alone, widening=None)
        x = unit(tape, f"hidden.unit{number}", stage, x, step=Step(1, 1, width, 1))
    tape.linear("classifier", x, num_classes)
    return tape.finished()


def stem(tape: Tape, architecture: Architecture, x: Tensor) -> Tensor:
    width, bits, kind = architecture.stem.width, architecture.stem.bits, architecture.stem.kind
    convs = {
        "3x3": [(width, 3, 1, 1)],
        "3x3-stride2": [(width, 3, 2, 1)],
        "7x7-pool": [(width, 7, 2, 1)],
        "11x11-pool": [(width, 11, 4, 1)],
        "grouped": [(width // 2, 3, 2, 1), (width // 2, 3, 1, 4), (width, 3, 1, 8)],
    }[kind]
    for place, (channels, kernel, stride, groups) in enumerate(convs, start=1):
        number = str(place) if len(convs) > 1 else ""
        if place > 1:
            name = f"stem.nonlinearity{number}"
            tape.each(name, "nonlinearity", x, per_channel="", per_value=1)
        name = f"stem.conv{number}"
        x = tape.conv(name, x, channels, kernel=kernel, stride=stride, groups=groups, bits=bits)
        tape.norm(f"stem.norm{number}", x)
    if "pool" in kind or kind == "grouped":
        x = tape.pool("stem.pool", x, window=3, size=ceil(x.size / 2))
    return x


def steps(skeleton: str, stage: Stage, x: Tensor, index: int) -> list[Step]:
    kernel, width, groups = stage.kernel_size, stage.width, stage.unit.groups
    stride = stage.stride if index == 1 else 1
    found = {
        "resnet": [Step(kernel, stride, width, groups), Step(kernel, 1, width, groups)],
        "mobilenet": [Step(kernel, stride, x.channels, groups), Step(1, 1, width, groups)],
        "vgg": [Step(kernel, 1, width, groups)],
    }[skeleton]
    if stage.unit.mix:
        mixed = [[one, Step(1, 1, one.channels, 1)] if one.kernel > 1 else [one] for one in found]
        found = [one for pair in mixed for one in pair]
    pool = skeleton == "vgg" and stage.stride == 2 and index == stage.depth
    found[-1] = replace(found[-1], last=True, pool=pool)
    return found


@cache
def loaded(space: str) -> SearchSpace:
    return load_space(space)


@pytest.mark.parametrize("space", available("search_spaces"))
@given(
    seed=st.integers(0, 2**32),
    image_size=st.integers(1, 256),
    num_classes=st.integers(1, 1000),
    in_channels=st.integers(1, 5),
)
def test_sampled_designs_cost_what_the_formulas_say(
    space: str, seed: int, image_size: int, num_classes: int, in_channels: int
) -> None:
    assert_costs_as_expected(
        loaded(space).sample(np.random.default_rng(seed)),
        image_size=image_size,
        num_classes=num_classes,
        in_channels=in_channels,
    )


@pytest.mark.parametrize("name", published_names())
@pytest.mark.parametrize("image_size", [1, 7, 32, 97, 224])
def test_published_designs_cost_what_the_formulas_say(name: str, image_size: int) -> None:
    design = load_design(name).architecture
    assert_costs_as_expected(design, image_size=image_size, num_classes=10, in_channels=3)
