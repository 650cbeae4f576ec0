"""Ctrl-C on the command line, with both engines."""

from pathlib import Path

import pytest

from bnas.runs.run import open_run
from tests.faults.processes import Command, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_ctrl_c_says_how_to_go_on_and_nothing_is_lost(
    arguments: list[str], run: Path, tmp_path: Path, engine: str
) -> None:
    with Command([*arguments, "--engine", engine, "--trials", "6"], tmp_path) as command:
        wait_for(lambda: any(run.glob("checkpoints/*/state.pt")), "a checkpoint")
        command.ctrl_c()
        status, out, err = command.ended()
        assert status == 130, err
        assert "Traceback" not in err
        assert "go on with: bnas resume run" in out
        wait_for(lambda: not command.left(), "the end of all processes")
    trials = open_run(run).trials
    before = [record for record in trials if record.outcome != "running"]
    running = [record.number for record in trials if record.outcome == "running"]
    kept = [int(folder.name) for folder in (run / "checkpoints").iterdir()]
    assert set(kept) <= set(running) != set()

    # On the other engine, which makes no difference to what was begun.
    with Command(["resume", "run", "--engine", "inline"], tmp_path) as command:
        status, _, err = command.ended()
    assert (status, err) == (0, "")
    trials = open_run(run).trials
    assert [record for record in trials if record in before] == before
    assert [record.outcome for record in trials].count("finished") == 6
    assert not (run / "checkpoints").exists()
