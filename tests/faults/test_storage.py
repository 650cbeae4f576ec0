"""Storage that is full, or goes away for a while: the search waits or ends, and goes on later."""

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bnas.errors import RunError
from bnas.runs.run import open_run
from bnas.search import outage
from bnas.search.trials import TrialRecord
from bnas.space import SearchSpace
from tests.faults.processes import Command, wait_for
from tests.search import tables
from tests.search.tables import Search


def finished(run: Path) -> list[TrialRecord]:
    return [record for record in open_run(run).trials if record.outcome == "finished"]


def num_rows(run: Path) -> int:
    table = run / "trials.csv"
    return len(table.read_text().splitlines()) - 1 if table.exists() else 0


@pytest.fixture
def disk(tmp_path: Path, arguments: list[str]) -> list[str]:
    """Begins a command on a disk of its own of 200 kB, as only root may; skips elsewhere."""
    assert arguments
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f'mount -t tmpfs -o size=200k none "{disk}" && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", mounted, "sh"]
    tried = shutil.which("unshare") and subprocess.run([*prefix, "true"], check=False).returncode
    if tried != 0:
        pytest.skip("mounting a small disk needs root")
    return prefix


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_full_disk_loses_nothing_that_was_recorded(
    disk: list[str], arguments: list[str], tmp_path: Path
) -> None:
    """Whatever is left on the disk is copied off it before it goes with its process."""
    space = tmp_path / "eight.yaml"
    text = space.read_text().replace("width: [8, 16]", "width: [8, 16, 24, 32, 40, 48, 56, 64]")
    space.write_text(text)
    rescue = tmp_path / "results"
    script = f'"$@"; status=$?; cp -r "{tmp_path}/disk/results" "{tmp_path}"; exit $status'
    where = ["--results-dir", str(tmp_path / "disk" / "results" / "runs")]
    options = [*arguments, "--engine", "inline", "--trials", "32", *where]
    options[options.index("evaluator.epochs=4")] = "evaluator.epochs=2"
    with Command(options, tmp_path, prefix=[*disk, "sh", "-c", script, "sh"]) as command:
        status, out, err = command.ended(200)
    assert status == 2, (out, err)
    assert "Traceback" not in err
    assert os.strerror(errno.ENOSPC) in err
    assert "resume the run: everything recorded before is kept" in err

    run = rescue / "runs" / "run"
    before = finished(run)
    assert before
    with Command(["resume", "run", "--trials", str(len(before) + 1)], tmp_path) as command:
        status, _, err = command.ended()
    assert (status, err) == (0, "")
    after = open_run(run).trials
    assert [record for record in after if record in before] == before
    assert len(finished(run)) == len(before) + 1


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_a_search_waits_for_storage_that_is_away(
    arguments: list[str], run: Path, tmp_path: Path, engine: str
) -> None:
    with Command([*arguments, "--engine", engine, "--trials", "5"], tmp_path) as command:
        wait_for(lambda: num_rows(run) >= 1, "a trial")
        run.rename(tmp_path / "away")
        time.sleep(4)
        (tmp_path / "away").rename(run)
        status, _, err = command.ended()
    assert status == 0, err
    assert "the storage is away" in err
    assert "Traceback" not in err
    assert len(finished(run)) == 5
    assert num_rows(run) == len(open_run(run).trials)


def test_a_search_ends_when_the_storage_stays_away(
    search: Search, many: SearchSpace, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "PATIENCE_S", 0.1)
    away = journal.with_suffix(".away")
    count = 0

    def take_away(_: str) -> None:
        nonlocal count
        count += 1
        if count == 4:
            journal.rename(away)

    message = (
        r"^a run must be able to write its folder, but \[Errno 2\] No such file or directory: "
        f"'{journal}'; free space or correct permissions, then resume the run: everything "
        "recorded before is kept$"
    )
    with pytest.raises(RunError, match=message):
        search(many, tables.Table(before_each=take_away), trials=6)
    # It is not made anew: the two could not be joined.
    assert not journal.exists()
    away.rename(journal)
    summary, study = search(many, trials=6)
    assert summary.counts["finished"] == 6
    assert [record.number for record in study.records()] == list(range(len(study.records())))


def failing_writes(monkeypatch: pytest.MonkeyPatch, number: int, code: int) -> Callable[[], int]:
    """Lets every third write of the journal fail after a part of it, `number` times at most."""
    from bnas.search import journal

    real = journal._write_all
    calls = failed = 0

    def fail(file: object, content: bytes) -> None:
        nonlocal calls, failed
        calls += 1
        if calls % 3 == 0 and failed < number:
            failed += 1
            real(file, content[: len(content) // 2])  # type: ignore[arg-type]
            raise OSError(code, os.strerror(code))
        real(file, content)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "_write_all", fail)
    return lambda: failed


def test_writes_that_fail_in_the_middle_leave_no_half_line(
    search: Search, many: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "_PAUSE_S", 0.0)
    num_failed = failing_writes(monkeypatch, 20, errno.EIO)
    summary, _ = search(many, trials=5)
    assert num_failed() == 20
    assert summary.counts["finished"] == 5


def test_a_full_disk_is_not_waited_for(
    search: Search, many: SearchSpace, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        failing_writes(full, 1, errno.ENOSPC)
        with pytest.raises(RunError, match="No space left on device"):
            search(many, trials=5)
    content = journal.read_bytes()
    assert not content or content.endswith(b"\n")
