"""Every row of the ledger, recomputed from the design by textbook formulas on a tape of tensors.

The tape knows neither plan nor ledger: it runs the design on tensors without values, counts what
each step does, and finds out what is alive by when each tensor is made and last used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
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
        into: Tensor | None = None,
    ) -> Tensor:
        y = Tensor(channels, ceil(x.size / stride))
        taps = kernel * kernel * (x.channels // groups)
        macs, weights, binary = y.values * taps, channels * taps, x.bits == 1
        row = LayerCost(
            name=name,
            kind="binary-conv" if binary else "real-conv",
            in_channels=x.channels,
            out_channels=channels,
            out_size=y.size,
            kernel_size=kernel,
            groups=groups,
            bops=macs if binary else 0,
            flops=0 if binary else macs,
            ace=macs * (1 if binary else 16 * 16),
            binary_params=weights if binary else 0,
            real_params=0 if binary else weights,
            packed_bytes=ceil(weights / 8) if binary else 4 * weights,
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

    def linear(self, name: str, x: Tensor, classes: int) -> None:
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
        self.record(row, x, Tensor(classes, 1))

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
    if stage.stride == 2 and "block1" in owner and not owner.endswith("unit2"):
        x = tape.pool(f"{name}.pool", x, window=2, size=y.size)
    if stage.downsampling == "real-1x1" and x.channels != y.channels:
        groups = stage.downsampling_groups or 1
        x = tape.conv(f"{name}.conv", x, y.channels, kernel=1, groups=groups)
        tape.norm(f"{name}.norm", x)
    tape.each(f"{owner}.addition", "addition", y, x, per_channel="", per_value=1)


def unit(tape: Tape, name: str, stage: Stage, x: Tensor, step: tuple[int, int, int]) -> Tensor:
    kernel, stride, channels = step
    design, start = stage.unit, x
    if design.order == "norm-sign-conv":
        tape.norm(f"{name}.norm", x)
    if design.threshold == "learnable":
        tape.each(f"{name}.threshold", "threshold", x, per_channel="t", per_value=0)
    bits = Tensor(x.channels, x.size, bits=1)
    tape.each(f"{name}.sign", "sign", x, bits, per_channel="", per_value=1)

    y = Tensor(channels, ceil(x.size / stride))
    twice = stage.widening == "duplicate" and channels != x.channels
    for conv in ("conv1", "conv2") if twice else ("conv",):
        path, width = f"{name}.{conv}", channels // (2 if twice else 1)
        tape.conv(path, bits, width, kernel=kernel, stride=stride, groups=design.groups, into=y)
        if design.weight_scale != "none":
            absorbed = design.order == "sign-conv-norm" and design.placement != "before-norm"
            part = Tensor(width, y.size)
            scale = "t" if design.weight_scale == "learned" else "d"
            count = 0 if absorbed else 1
            tape.each(f"{path}.scale", "scale", part, per_channel=scale, per_value=count)
            tape.uses[-1] = (y, bits)
    return behind(tape, name, stage, start, y)


def behind(tape: Tape, name: str, stage: Stage, x: Tensor, y: Tensor) -> Tensor:
    design = stage.unit
    last = name.endswith("unit2")
    if design.placement == "before-norm":
        tape.nonlinearity(name, design.nonlinearity, y)
    if design.order == "sign-conv-norm":
        tape.norm(f"{name}.norm", y)
    if design.placement == "before-addition":
        tape.nonlinearity(name, design.nonlinearity, y)
    if design.shortcut == "conv":
        shortcut(tape, name, stage, x, y)
    if design.placement == "after-addition" and not (last and design.shortcut == "block"):
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
    kernel, stride = {"3x3": (3, 1), "3x3-stride2": (3, 2), "7x7-pool": (7, 2)}[
        architecture.stem.kind
    ]
    image = Tensor(in_channels, image_size)
    x = tape.conv("stem.conv", image, architecture.stem.width, kernel=kernel, stride=stride)
    tape.norm("stem.norm", x)
    if architecture.stem.kind == "7x7-pool":
        x = tape.pool("stem.pool", x, window=3, size=ceil(x.size / 2))
    for number, stage in enumerate(architecture.stages, start=1):
        for index in range(1, stage.depth + 1):
            name, width = f"stage{number}.block{index}", stage.width
            first = (3, stage.stride if index == 1 else 1)
            steps = {
                "resnet": ((*first, width), (3, 1, width)),
                "mobilenet": ((*first, x.channels), (1, 1, width)),
            }[architecture.skeleton]
            y = unit(tape, f"{name}.unit1", stage, x, steps[0])
            y = unit(tape, f"{name}.unit2", stage, y, steps[1])
            if stage.unit.shortcut == "block":
                shortcut(tape, name, stage, x, y)
                if stage.unit.placement == "after-addition":
                    tape.nonlinearity(name, stage.unit.nonlinearity, y)
            x = y
    x = tape.pool("pool", x, window=x.size, size=1)
    tape.linear("classifier", x, num_classes)
    return tape.finished()


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
