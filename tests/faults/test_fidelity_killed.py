"""kill -9 of a measurement of proxies: no finished training is lost, none is made twice."""

from pathlib import Path

import pandas as pd
import pytest

from tests.faults.processes import Command, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EVALUATOR = """\
name: quick
description: A test
data: digits
epochs: 1
recipe: {optimizer: adam, learning_rate: 0.01, schedule: constant, batch_size: 128}
"""


def finished(run: Path) -> int:
    path = run / "fidelity.csv"
    return path.read_text().count("\nlong,") if path.exists() else 0


@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_a_killed_measurement_goes_on(tmp_path: Path, engine: str) -> None:
    (tmp_path / "quick.yaml").write_text(EVALUATOR)
    run = tmp_path / "results" / "runs" / "run"
    arguments = [
        *("fidelity", "--space", "resnet", "--evaluator", "quick.yaml", "--engine", engine),
        *("--truth", "epochs=4", "--designs", "4", "--max-ops", "12000", "--name", "run"),
    ]
    with Command(arguments, tmp_path) as command:
        wait_for(lambda: finished(run) >= 3, "the third training", seconds=300)
        command.kill()
    before = pd.read_csv(run / "fidelity.csv")
    with Command(["resume", "run"], tmp_path) as command:
        status, out, err = command.ended(300)
        assert status == 0, err
        assert "ended: all 12 trainings are done" in out
    after = pd.read_csv(run / "fidelity.csv")
    pd.testing.assert_frame_equal(after.iloc[: len(before)], before, check_dtype=False)
    assert len(after) == 12 + 6 * 4
    assert not after.duplicated(["proxy", "digest", "seed"]).any()
    assert (after["state"] == "finished").all()
