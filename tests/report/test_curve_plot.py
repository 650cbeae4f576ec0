"""The picture of a curve: what it says, not how it looks."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bnas.errors import RunError
from bnas.report.plots.curve import draw_curve, plot_curve, words
from bnas.runs.curves import Curve
from bnas.training.curve import CurvePoint, LayerHealth
from bnas.training.diagnosis import symptoms


def curve(epochs: int, *, flips: float | None = 0.1, phases: int = 1) -> list[CurvePoint]:
    def layer(name: str) -> LayerHealth:
        return LayerHealth(layer=name, part="binary-weights", size=300, flips=flips, movement=0.2)

    return [
        CurvePoint(
            epoch=epoch,
            phase=f"step {1 + epoch * phases // (epochs + 1)}",
            learning_rate=1e-3,
            loss=2.0,
            seconds=1.0,
            layers=(layer("a.conv"), layer("b.conv")),
        )
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("points", [curve(1), curve(40, phases=2), curve(3, flips=None)])
def test_any_curve_is_drawn_and_to_the_same_bytes(points: list[CurvePoint]) -> None:
    pictures = draw_curve(points, title="a $title$ & more")
    assert pictures["png"].startswith(b"\x89PNG")
    assert b"a $title$ &amp; more" in pictures["svg"]
    assert draw_curve(points, title="a $title$ & more") == pictures


def test_what_went_wrong_stands_beneath() -> None:
    frozen = curve(4, flips=0.0)
    assert words(symptoms(curve(4))) == ["No known failure of training shows."]
    (sentence,) = words(symptoms(frozen))
    assert sentence == (
        "Frozen signs in a.conv and 1 other layer, epochs 1 to 4: 0 % of its signs changed, at a "
        "loss of 2 (2 in epoch 1); raise learning_rate (now 0.001)."
    )
    heights = [
        int(m[1])
        for points in (curve(4), frozen)
        if (m := re.search(rb'height="(\d+)', draw_curve(points, title="t")["svg"]))
    ]
    assert heights[0] < heights[1]


def test_it_is_written_beside_the_curve(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        plot_curve(tmp_path, title="design")
    assert str(caught.value) == (
        f"a curve is drawn when an epoch is done, but {tmp_path / 'curve.csv'} has none; "
        "train first"
    )
    file = Curve(tmp_path)
    for point in curve(3):
        file.add(replace(point, layers=()))
    paths = plot_curve(tmp_path, title="design")
    assert [path.name for path in paths] == ["curve.png", "curve.svg"]
    assert all(path.stat().st_size > 1000 for path in paths)
