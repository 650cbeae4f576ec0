"""kill -9 of a retraining, at whatever point: it is gone on with, to the same bits."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnas.runs.folder import RunFolder
from tests.faults.processes import Command, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COMMAND = (
    "retrain 4.json 8.json --evaluator digits --name r --seeds 2 "
    "--set evaluator.epochs=4 --set engine.checkpoint_s=0"
)


def write_designs(folder: Path) -> None:
    for width in (4, 8):
        stage = {"depth": 1, "width": width, "unit": {"shortcut": "conv", "nonlinearity": "prelu"}}
        design = {"skeleton": "resnet", "stem": {"width": width}, "stages": [stage]}
        (folder / f"{width}.json").write_text(json.dumps(design), encoding="utf-8")


def content(folder: Path) -> dict[str, Any]:
    """What a retraining leaves, but times and the order in which workers were done."""
    run = RunFolder(folder / "results" / "runs" / "r")
    table = pd.read_csv(run.retrained).drop(columns="seconds").sort_values(["digest", "seed"])
    found: dict[str, Any] = {"table": table.to_csv(index=False)}
    for path in sorted(run.networks.glob("*/*")):
        if path.suffix in {".safetensors", ".json"}:
            found[str(path.relative_to(run.networks))] = path.read_bytes()
        elif path.name == "curve.csv":
            found[str(path.relative_to(run.networks))] = (
                pd.read_csv(path).drop(columns="seconds").to_csv()
            )
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    write_designs(folder)
    with Command([*COMMAND.split(), "--engine", "inline"], folder) as command:
        assert command.ended(200)[0] == 0
    return content(folder)


# In the first training, just behind its end, and in the last.
@pytest.mark.parametrize(
    ("engine", "kills"), [(["--engine", "inline"], (2, 5, 13)), (["--workers", "2"], (5,))]
)
def test_a_killed_retraining_ends_as_an_undisturbed_one(
    whole: dict[str, Any], tmp_path: Path, engine: list[str], kills: tuple[int, ...]
) -> None:
    run = tmp_path / "results" / "runs" / "r"
    write_designs(tmp_path)

    def reached(limit: int) -> bool:
        curves = run.glob("networks/*/curve.csv")
        return sum(max(0, path.read_bytes().count(b"\n") - 1) for path in curves) >= limit

    for limit in kills:
        arguments = ["resume", "r"] if run.exists() else [*COMMAND.split(), *engine]
        with Command(arguments, tmp_path) as command:
            wait_for(partial(reached, limit), f"{limit} epochs", seconds=200)
            command.kill()
            wait_for(lambda: not command.left(), "the end of what it started")
    with Command(["resume", "r"], tmp_path) as command:
        status, out, err = command.ended(200)
        assert status == 0, err
        assert "ended: all 4 trainings are done" in out
    assert content(tmp_path) == whole
    assert not (run / "checkpoints").exists()
