import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bnas.errors import RunError
from bnas.search.events import EpochEnded, Event
from bnas.search.stop import Stop
from bnas.space import SearchSpace
from tests.search import tables
from tests.search.tables import Search


def after(count: int, action: Callable[[], None]) -> Callable[[str], None]:
    """Acts at the start of the evaluation that follows `count` others."""
    asked: list[str] = []

    def before_each(name: str) -> None:
        asked.append(name)
        if len(asked) == count + 1:
            action()

    return before_each


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_each_epoch_is_an_event(search: Search, eight: SearchSpace, events: list[Event]) -> None:
    search(eight, trials=2)
    epochs = [(e.number, e.progress.epoch) for e in events if isinstance(e, EpochEnded)]
    assert epochs == [(0, 1), (0, 2), (1, 1), (1, 2)]


@pytest.mark.parametrize("action", [interrupt, terminate, raise_interrupt])
def test_an_interrupted_trial_is_left_for_a_resume(
    search: Search, eight: SearchSpace, action: Callable[[], None]
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    summary, study = search(eight, tables.Table(before_each=after(2, action)), trials=5)
    assert summary.end.reason == "interrupted"
    assert summary.end.message == "interrupted; unfinished trials can be resumed"
    assert summary.counts["finished"] == 2
    assert summary.counts["running"] == 1
    left = study.records()[-1]
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    table = tables.Table()
    summary, study = search(eight, table, trials=5)
    assert summary.counts["finished"] == 5
    assert summary.counts["running"] == 0
    assert table.asked[0] == left.digest
    assert {r.number: r.digest for r in study.records()}[left.number] == left.digest


def test_an_interrupted_search_ends_with_the_trials_of_an_uninterrupted_one(
    search: Search, many: SearchSpace
) -> None:
    summary, study = search(many, tables.Table(before_each=after(3, interrupt)), trials=8)
    assert summary.counts["running"] == 1
    summary, study = search(many, trials=8)
    in_parts = study.records()
    assert [record.number for record in in_parts] == list(range(8))
    assert all(record.outcome == "finished" for record in in_parts)


def test_after_the_time_limit_no_trial_is_started_and_the_running_one_is_left(
    search: Search, eight: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("bnas.search.stop.time", SimpleNamespace(monotonic=lambda: clock[0]))
    table = tables.Table(before_each=after(1, lambda: clock.append(clock.pop() + 10)))
    summary, study = search(eight, table, trials=8, max_time_s=9.5)
    assert summary.end.reason == "time"
    assert summary.end.message == "the time limit of 9.5 s is over; resume to go on"
    assert summary.counts["finished"] == 1
    assert summary.counts["running"] == 1
    assert [record.number for record in study.records()] == [0, 1]


def test_an_error_of_the_listener_is_not_the_trials(search: Search, eight: SearchSpace) -> None:
    def broken(event: Event) -> None:
        if isinstance(event, EpochEnded):
            raise BrokenPipeError(32, "Broken pipe")

    message = (
        r"^a run must be able to write its folder, but \[Errno 32\] Broken pipe; free space or "
        r"correct permissions, then resume the run: everything recorded before is kept$"
    )
    with pytest.raises(RunError, match=message):
        search(eight, trials=2, listener=broken)
    summary, _ = search(eight, trials=2)
    assert summary.counts["finished"] == 2


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's handler of SIGINT, which a process begun in the background does not have."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.usefixtures("interruptible")
def test_signals_are_given_back_at_the_first_so_that_a_second_ends_the_process() -> None:
    with Stop() as stop:
        assert signal.getsignal(signal.SIGINT) != signal.default_int_handler
        interrupt()
        assert stop.end is not None
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
        with pytest.raises(KeyboardInterrupt):
            interrupt()


def test_signals_taken_by_a_library_are_taken_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stop.listen()
        terminate()
        assert stop.end is not None
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_search_outside_the_main_thread_runs_without_signals(
    search: Search, eight: SearchSpace
) -> None:
    found: list[int] = []
    thread = threading.Thread(
        target=lambda: found.append(search(eight, trials=2)[0].counts["finished"])
    )
    thread.start()
    thread.join(timeout=30)
    assert found == [2]


_SEARCH_ALONE = """
import sys
from pathlib import Path
from types import SimpleNamespace
from bnas.search.engine import run_search
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.space import load_space
from tests.search import tables

folder = Path(sys.argv[1])
(folder / "space.yaml").write_text(tables.MANY_NETWORKS)
settings = SearchSettings(engine="inline", trials=13)
run_search(
    Study.create(folder / "study.journal", settings.objectives),
    settings=settings,
    space=load_space(folder / "space.yaml"),
    cost=tables.cost,
    evaluator=tables.Table,
)
print(*({"torch", "ray", "pandas", "matplotlib"} & set(sys.modules)))
"""


def test_a_whole_search_runs_without_torch_and_ray(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SEARCH_ALONE, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout, done.stderr) == ("\n", "")


def test_the_clock_runs_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [5.0]
    monkeypatch.setattr("bnas.search.stop.time", SimpleNamespace(monotonic=lambda: clock[0]))
    stop = Stop(max_time_s=2)
    clock[0] = 6.9
    assert stop.end is None
    clock[0] = 7.0
    assert stop.end is not None
