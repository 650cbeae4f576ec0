"""The Ray engine on a real private cluster of two workers.

Starting Ray takes several seconds, so what can be seen in one search is seen in one.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bnas.architecture import digest
from bnas.errors import RunError
from bnas.search.engine import Summary, run_search
from bnas.search.events import Ended, EpochEnded, Event
from bnas.search.port import Evaluator
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.space import SearchSpace
from tests.search import tables

# The search that the tests of signals run in a process of its own, so that it can be killed.
_SCRIPT = """
import functools, sys
from pathlib import Path
from bnas.search.engine import run_search
from bnas.search.events import Ended
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.space import load_space
from tests.search import tables

def say(event):
    if isinstance(event, Ended):
        print(event.record.number, flush=True)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    settings = SearchSettings(sampler="random", trials=30, workers=2)
    summary = run_search(
        Study.create(folder / "study.journal", settings.objectives),
        settings=settings,
        space=load_space(folder / "space.yaml"),
        cost=tables.cost,
        evaluator=functools.partial(tables.slow_table, 0.5, frozenset()),
        listener=say,
    )
    print(summary.end.reason)
"""


def searched(
    journal: Path,
    space: SearchSpace,
    build: Callable[[], Evaluator],
    *,
    listener: Callable[[Event], None] = lambda _: None,
    **values: Any,
) -> tuple[Summary, Study]:
    settings = SearchSettings.model_validate({"sampler": "random", "workers": 2, **values})
    study = (
        Study.load(journal, mend=True)
        if journal.exists()
        else Study.create(journal, settings.objectives)
    )
    summary = run_search(
        study, settings=settings, space=space, cost=tables.cost, evaluator=build, listener=listener
    )
    return summary, study


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; its path is short, as Ray's sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="b", dir="/tmp"))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def listening_addresses() -> set[str]:
    """Addresses of IPv4 and IPv6 ports that descendants of this process listen on."""
    inodes = set()
    for process in _descendants(os.getpid()):
        for link in Path(f"/proc/{process}/fd").glob("*"):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(_address(fields[1].partition(":")[0]))
    return found


def _address(text: str) -> str:
    raw = b"".join(bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw).removeprefix("::ffff:")


def _descendants(process: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    found = {process}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found


def test_trials_run_in_workers_and_are_recorded(
    journal: Path, eight: SearchSpace, scratch: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    failing = frozenset({digest(dict(eight.first_candidates)["large"])})
    events: list[Event] = []
    addresses: set[str] = set()

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, EpochEnded) and not addresses:
            addresses.update(listening_addresses())

    summary, study = searched(
        journal, eight, partial(tables.slow_table, 0.0, failing), listener=listen, trials=8
    )

    assert summary.end.message == "all 8 trials are done"
    assert summary.counts["finished"] == 7
    assert summary.counts["failed"] == 1
    assert summary.counts["running"] == 0
    ended = [event.record for event in events if isinstance(event, Ended)]
    assert sorted(ended, key=lambda record: record.number) == study.records()
    finished = [record for record in study.records() if record.outcome == "finished"]
    assert len({record.digest for record in finished}) == 7
    for record in finished:
        epochs = [event for event in events if isinstance(event, EpochEnded)]
        own = [event.progress.epoch for event in epochs if event.number == record.number]
        assert own == [1, 2]
    error = next(record.error for record in study.records() if record.outcome == "failed")
    assert error == "EvaluationFailed: the loss must stay finite, but it is nan"

    assert addresses == {"127.0.0.1"}
    assert list(scratch.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert "RAY_AIR_NEW_OUTPUT" not in os.environ


@pytest.mark.slow
def test_a_killed_worker_costs_at_most_one_trial(
    journal: Path, eight: SearchSpace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    once = partial(tables.table_that_kills_its_worker_once, tmp_path / "flag")
    summary, _ = searched(journal, eight, once, trials=8)
    assert summary.counts["finished"] == 8
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_design_that_kills_its_worker_is_a_failed_trial(
    journal: Path, eight: SearchSpace
) -> None:
    large = digest(dict(eight.first_candidates)["large"])
    build = partial(tables.table_that_kills_for, large)
    summary, study = searched(journal, eight, build, trials=8)
    assert summary.counts["finished"] == 7
    record = next(record for record in study.records() if record.outcome == "failed")
    assert (record.digest, record.error) == (large, "the worker process died 2 times")


@pytest.mark.slow
def test_an_evaluator_that_cannot_be_built_ends_the_search(
    journal: Path, eight: SearchSpace
) -> None:
    message = (
        "^every worker must be able to build the evaluator, but got FileNotFoundError: "
        r"data\.npz is missing; correct the cause, then resume the run$"
    )
    with pytest.raises(RunError, match=message):
        searched(journal, eight, tables.no_table, trials=8)
    summary, study = searched(journal, eight, tables.Table, engine="inline", workers=1, trials=8)
    assert summary.counts["finished"] == 8
    assert {record.outcome for record in study.records()} <= {"finished", "duplicate"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_loses_no_finished_trial(
    journal: Path, many: SearchSpace, scratch: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "space.yaml").write_text(tables.MANY_NETWORKS, encoding="utf-8")
    (tmp_path / "script.py").write_text(_SCRIPT, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, tmp_path / "script.py", tmp_path],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(3)]
    # As a terminal does, which tells Ray's processes too.
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    rest = process.communicate(timeout=30)[0].splitlines()
    if number != signal.SIGKILL:
        assert rest[-1] == "interrupted"
        assert process.returncode == 0

        assert list(scratch.iterdir()) == []

    before = [r for r in Study.load(journal).records() if r.outcome == "finished"]
    left = [r for r in Study.load(journal).records() if r.outcome == "running"]
    assert len(before) >= len(said)
    assert all(record.outcome != "failed" for record in Study.load(journal).records())
    # None where both trials ended between the last line and the signal.
    assert len(left) <= 2
    summary, study = searched(
        journal, many, tables.Table, engine="inline", workers=1, trials=len(before) + 4
    )
    after = {record.number: record for record in study.records()}
    assert [after[record.number] for record in before] == before
    assert all(after[record.number].outcome == "finished" for record in left)
    assert summary.counts["finished"] == len(before) + 4


@pytest.mark.slow
def test_after_the_time_limit_running_trials_are_left(
    journal: Path, eight: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("bnas.search.stop.time", SimpleNamespace(monotonic=lambda: clock[0]))

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded):
            clock[0] = 10.0

    build = partial(tables.slow_table, 2.0, frozenset())
    summary, _ = searched(journal, eight, build, listener=listen, trials=8, max_time_s=9)
    assert summary.end.message == "the time limit of 9 s is over; resume to go on"
    assert summary.counts["finished"] == 0
    assert summary.counts["running"] == 2


def test_a_cluster_that_does_not_answer_is_named(journal: Path, eight: SearchSpace) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    message = (
        rf"^a Ray cluster must answer at {address}, but \[Errno 111\] Connection refused; "
        r"start one with `ray start --head` or correct the address, and set RAY_AUTH_MODE and "
        r"RAY_AUTH_TOKEN here as they are there$"
    )
    with pytest.raises(RunError, match=message):
        searched(journal, eight, tables.Table, trials=1, address=address)


@pytest.mark.slow
def test_cuda_without_a_gpu_is_refused(journal: Path, eight: SearchSpace) -> None:
    import ray

    from bnas.errors import InvalidConfiguration

    message = (
        "^device cuda needs a GPU that Ray can see, but it sees none; "
        "use device cpu, or check the driver and CUDA_VISIBLE_DEVICES$"
    )
    with pytest.raises(InvalidConfiguration, match=message):
        searched(journal, eight, tables.Table, trials=1, device="cuda")
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("workers", "num_gpus", "share"), [(1, 1, 1), (4, 1, 1 / 4), (3, 2, 1 / 2), (2, 4, 1)]
)
def test_all_workers_find_room_on_the_gpus(
    workers: int, num_gpus: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bnas.search import ray_cluster

    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 8.0, "GPU": float(num_gpus)})
    settings = SearchSettings(workers=workers, device="cuda")
    assert ray_cluster.resources_per_trial(settings) == {"cpu": 1, "gpu": share}
