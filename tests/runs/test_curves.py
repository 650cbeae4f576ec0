"""The files of a curve: what is written is read, also after a kill and a resume."""

import os
import signal
import struct
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bnas.errors import RunError
from bnas.runs.curves import CURVE, EVENTS, HEALTH, Curve, read_curve
from bnas.training.curve import CurvePoint, LayerHealth


def point(epoch: int, **change: Any) -> CurvePoint:
    settings: dict[str, Any] = {
        "epoch": epoch,
        "phase": "train",
        "learning_rate": 1e-3 / epoch,
        "loss": 2.3 / epoch,
        "seconds": 1.25,
        "layers": layers(epoch),
    }
    return CurvePoint(**settings | change)


def layers(epoch: int) -> tuple[LayerHealth, ...]:
    return (
        LayerHealth(layer="stem.conv", part="real-weights", size=72, gradient=3.0, movement=0.1),
        LayerHealth(layer="a.sign", part="activations", size=8, saturated=0.25, dead=0.5),
        LayerHealth(
            layer="a.conv",
            part="binary-weights",
            size=300,
            flips=0.1 / epoch,
            movement=0.01,
            gradient=4.0,
            saturated=0.0,
            dead=0.0,
        ),
        LayerHealth(layer="b.sign", part="activations", size=24, saturated=0.75, dead=0.25),
        LayerHealth(layer="b.conv", part="binary-weights", size=100, flips=0.5, saturated=0.4),
    )


def content(folder: Path) -> dict[str, bytes]:
    """The tables, and the values of the events, whose times differ."""
    tables = {name: (folder / name).read_bytes() for name in (CURVE, HEALTH)}
    return {**tables, EVENTS: repr(events(folder)).encode()}


def events(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Read by the classes of another project, with the checksums recomputed by it."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    data, place, found = (folder / EVENTS).read_bytes(), 0, []
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        message = data[place + 12 : place + 12 + length]
        checksums = struct.unpack_from("<I", data, place + 8) + struct.unpack_from(
            "<I", data, place + 12 + length
        )
        assert checksums == (masked_crc32c(data[place : place + 8]), masked_crc32c(message))
        found.append(Event.FromString(message))
        place += 16 + length
    first, *rest = found
    assert (first.file_version, first.step, list(first.summary.value)) == ("brain.Event:2", 0, [])
    assert all(event.wall_time > 1.6e9 for event in found)
    return [(event.step, {v.tag: v.simple_value for v in event.summary.value}) for event in rest]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_curve(tmp_path) == []
    written = [point(1), point(2, phase='fine, "tuned"', layers=()), point(3)]
    curve = Curve(tmp_path)
    for one in written:
        curve.add(one)
    assert read_curve(tmp_path) == written


def test_the_curve_sums_up_the_layers(tmp_path: Path) -> None:
    Curve(tmp_path).add(point(1))
    assert (tmp_path / CURVE).read_text() == (
        "epoch,phase,learning_rate,loss,seconds,flips,saturated_weights,saturated_activations,"
        "dead_channels,gradient\n"
        "1,train,0.001,2.3,1.25,0.2,0.1,0.5,0.3125,5.0\n"
    )
    assert (tmp_path / HEALTH).read_text().splitlines()[:3] == [
        "epoch,layer,part,size,flips,movement,gradient,saturated,dead",
        "1,stem.conv,real-weights,72,,0.1,3.0,,",
        "1,a.sign,activations,8,,,,0.25,0.5",
    ]


def test_tensorboard_gets_every_number(tmp_path: Path) -> None:
    curve = Curve(tmp_path)
    for epoch in (1, 2, 300):
        curve.add(point(epoch))
    found = events(tmp_path)
    assert [step for step, _ in found] == [1, 2, 300]
    assert found[1][1] == pytest.approx(
        {
            "learning_rate": 5e-4,
            "loss": 1.15,
            "seconds": 1.25,
            "flips": 0.1625,
            "saturated_weights": 0.1,
            "saturated_activations": 0.5,
            "dead_channels": 0.3125,
            "gradient": 5.0,
            "gradient/stem.conv": 3.0,
            "movement/stem.conv": 0.1,
            "saturated/a.sign": 0.25,
            "dead/a.sign": 0.5,
            "flips/a.conv": 0.05,
            "movement/a.conv": 0.01,
            "gradient/a.conv": 4.0,
            "saturated/a.conv": 0.0,
            "dead/a.conv": 0.0,
            "saturated/b.sign": 0.75,
            "dead/b.sign": 0.25,
            "flips/b.conv": 0.5,
            "saturated/b.conv": 0.4,
        }
    )


@pytest.mark.parametrize("again", [1, 3, 5, 6])
def test_epochs_that_are_trained_again_replace_themselves_and_what_follows(
    tmp_path: Path, again: int
) -> None:
    expected, found = tmp_path / "expected", tmp_path / "found"
    for folder in (expected, found):
        folder.mkdir()
    whole = Curve(expected)
    for epoch in range(1, 7):
        whole.add(point(epoch))
    cut = Curve(found)
    for epoch in range(1, 6):
        cut.add(point(epoch, loss=2.3 / epoch if epoch < again else 9.0))
    resumed = Curve(found) if again != 3 else cut
    for epoch in range(again, 7):
        resumed.add(point(epoch))
    assert content(found) == content(expected)


def test_it_goes_on_whatever_a_kill_left_of_an_epoch(tmp_path: Path) -> None:
    expected = tmp_path / "expected"
    expected.mkdir()
    whole = Curve(expected)
    for epoch in (1, 2, 3):
        whole.add(point(epoch))
    before = tmp_path / "before"
    before.mkdir()
    Curve(before).add(point(1))
    Curve(before).add(point(2))
    sizes = {name: (before / name).stat().st_size for name in (CURVE, HEALTH, EVENTS)}
    for name in (HEALTH, EVENTS, CURVE):
        for cut in (1, 10, 40):
            folder = tmp_path / f"{name}-{cut}"
            folder.mkdir()
            for other in (HEALTH, EVENTS, CURVE):
                data = (before / other).read_bytes()
                part = (expected / other).read_bytes()[sizes[other] : sizes[other] + cut]
                (folder / other).write_bytes(data + (part if other == name else b""))
            assert read_curve(folder) == [point(1), point(2)]
            Curve(folder).add(point(3))
            assert content(folder) == content(expected)


@pytest.mark.parametrize("left", [b"\0" * 40, b"\x18" + b"\0" * 60])
def test_it_goes_on_whatever_a_power_cut_left_of_an_epoch(tmp_path: Path, left: bytes) -> None:
    for epochs, name in (((1, 2), "cut"), ((1, 2, 3), "expected")):
        (tmp_path / name).mkdir()
        for epoch in epochs:
            Curve(tmp_path / name).add(point(epoch))
    with (tmp_path / "cut" / EVENTS).open("ab") as file:
        file.write(left)
    Curve(tmp_path / "cut").add(point(3))
    assert content(tmp_path / "cut") == content(tmp_path / "expected")


def test_a_kill_in_the_very_first_write_leaves_a_curve_that_can_begin(tmp_path: Path) -> None:
    for name, start in ((HEALTH, b"epoch,la"), (EVENTS, b"\x18\0"), (CURVE, b"")):
        (tmp_path / name).write_bytes(start)
    assert read_curve(tmp_path) == []
    Curve(tmp_path).add(point(1))
    assert read_curve(tmp_path) == [point(1)]
    assert len(events(tmp_path)) == 1


def test_a_killed_process_loses_nothing_that_it_added(tmp_path: Path) -> None:
    script = f"""
    import itertools, pathlib, sys
    from bnas.runs.curves import Curve
    from bnas.training.curve import CurvePoint
    curve = Curve(pathlib.Path({str(tmp_path)!r}))
    for epoch in itertools.count(1):
        curve.add(CurvePoint(epoch=epoch, phase="", learning_rate=1.0, loss=1.0, seconds=1.0))
        print(epoch, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as lines:
        last = [int(next(lines)) for _ in range(200)][-1]
        os.kill(process.pid, signal.SIGKILL)
        last = max([last, *map(int, lines.read().split())])
    process.wait()
    found = [one.epoch for one in read_curve(tmp_path)]
    assert found == list(range(1, len(found) + 1))
    assert len(found) in {last, last + 1}


def test_a_damaged_curve_is_named(tmp_path: Path) -> None:
    Curve(tmp_path).add(point(1))
    with (tmp_path / CURVE).open("a") as file:
        file.write("2,train,fast,2.3,1.25,,,,,\n")
    with pytest.raises(RunError) as caught:
        read_curve(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / CURVE} must be a table of a curve, but line 3 is not one of it; "
        "restore it from a copy, or cut it before that line"
    )


def test_writing_a_curve_loads_no_heavy_library(tmp_path: Path) -> None:
    script = (
        "import sys, bnas.runs.curves; "
        "print(*sorted(sys.modules.keys() & {'torch', 'tensorboardX', 'pandas', 'ray'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
