"""kill -9, of the search and of its workers: nothing is lost, what was begun is gone on with."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from bnas.architecture import digest
from bnas.runs.run import open_run
from bnas.space import SearchSpace
from tests.faults import watched
from tests.faults.processes import Command, wait_for
from tests.faults.watched import searched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def table(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "trials.csv").drop(columns="seconds")


def has_checkpoint(run: Path) -> bool:
    return any(run.glob("checkpoints/*/state.pt"))


def test_a_killed_inline_search_ends_as_an_undisturbed_one(
    arguments: list[str], run: Path, tmp_path: Path
) -> None:
    inline = [*arguments, "--engine", "inline", "--trials", "4"]
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "eight.yaml").write_text((tmp_path / "eight.yaml").read_text())
    with Command(inline, whole) as command:
        assert command.ended()[0] == 0
    for _ in range(2):
        verb = ["resume", "run"] if run.exists() else inline
        with Command(verb, tmp_path) as command:
            wait_for(lambda: has_checkpoint(run), "a checkpoint")
            command.kill()
        assert [r.outcome for r in open_run(run).trials].count("running") == 1
    with Command(["resume", "run"], tmp_path) as command:
        status, _, err = command.ended()
        assert (status, err) == (0, "")
    pd.testing.assert_frame_equal(table(run), table(whole / "results" / "runs" / "run"))
    assert not (run / "checkpoints").exists()


def test_a_killed_worker_goes_on_from_its_checkpoint(
    eight: SearchSpace, tmp_path: Path, undisturbed: dict[str, tuple[float, float]]
) -> None:
    log = tmp_path / "log"
    large = digest(dict(eight.first_candidates)["large"])
    build = partial(watched.build, log, large)
    summary, found, _ = searched(tmp_path, eight, build, workers=2)
    assert summary.counts["finished"] == 8
    assert {name: (e.accuracy, e.loss) for name, e in found.items() if e} == undisturbed
    # Its third epoch was lost with the worker, the two before were not.
    trained = watched.trained_epochs(log)
    assert trained.pop(large) == [1, 2, 3, 3, 4]
    assert all(epochs == [1, 2, 3, 4] for epochs in trained.values())
    assert not (tmp_path / "checkpoints").exists()


def test_a_design_that_always_kills_its_worker_fails_and_the_search_goes_on(
    eight: SearchSpace, tmp_path: Path
) -> None:
    large = digest(dict(eight.first_candidates)["large"])
    build = partial(watched.build, tmp_path / "log", large, always=True)
    summary, found, study = searched(tmp_path, eight, build, workers=2)
    assert (summary.counts["finished"], summary.counts["failed"]) == (7, 1)
    failed = next(record for record in study.records() if record.outcome == "failed")
    assert (failed.digest, failed.error) == (large, "the worker process died 2 times")
    assert large not in found
    assert not (tmp_path / "checkpoints").exists()


def test_a_killed_driver_leaves_nothing_running_and_loses_nothing(
    arguments: list[str],
    run: Path,
    tmp_path: Path,
    undisturbed: dict[str, tuple[float, float]],
    temporary: Path,
) -> None:
    with Command([*arguments, "--workers", "2", "--trials", "8"], tmp_path) as killed:
        wait_for(lambda: (run / "trials.csv").exists() and len(table(run)) >= 2, "two trials")
        wait_for(lambda: has_checkpoint(run), "a checkpoint")
        killed.kill()
        before = [record for record in open_run(run).trials if record.outcome != "running"]
        assert len(before) >= 2
        (left,) = temporary.glob("bnas-*")
        # At once, while Ray's processes of before still find out that nobody needs them.
        with Command(["resume", "run"], tmp_path) as command:
            status, out, err = command.ended(120)
            assert (status, err) == (0, ""), out
            wait_for(lambda: not command.left(), "the end of Ray's processes")
        wait_for(lambda: not killed.left(), "the end of the killed search's processes")
    trials = open_run(run).trials
    assert [record for record in trials if record in before] == before
    finished = [record for record in trials if record.outcome == "finished"]
    assert len(finished) == 8
    assert {record.outcome for record in trials} <= {"finished", "duplicate"}
    found = {r.digest: (r.evaluation.accuracy, r.evaluation.loss) for r in finished if r.evaluation}
    assert found == undisturbed
    assert not (run / "checkpoints").exists()
    assert not left.exists()
