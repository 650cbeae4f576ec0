"""Searches that are cut short and gone on with."""

from pathlib import Path

import pandas as pd
import pytest

from bnas.runs.configuration import resolve
from bnas.runs.folder import RunFolder
from bnas.runs.search import resume, start
from bnas.search.events import Ended, EpochEnded, Event
from bnas.search.port import Progress


class Cut(BaseException):
    """Stands for whatever ends a process."""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run whose trial was cut short in its second of three epochs; some were out of bounds."""

    def cut(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.progress.epoch == 2:
            raise Cut

    configuration = resolve(
        space="resnet",
        evaluator="digits",
        search={"engine": "inline", "trials": 1, "checkpoint_s": 0.0},
        assignments=["evaluator.epochs=3", "search.bounds.ops.maximum=10000"],
    )
    with pytest.raises(Cut):
        start(configuration, name="cut", results_dir=tmp_path, listener=cut)
    return RunFolder(tmp_path / "cut")


def test_epochs_before_the_interruption_are_reported_as_such(folder: RunFolder) -> None:
    reported: list[Progress] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded):
            reported.append(event.progress)

    resume(folder, listener=listen)
    assert [(p.epoch, p.replayed) for p in reported] == [(1, True), (2, False), (3, False)]


def test_every_trial_has_one_row_at_all_times(folder: RunFolder) -> None:
    # As if the process had been killed before the study was told of the first one out of bounds.
    lines = folder.study.read_bytes().splitlines(keepends=True)
    told = next(line for line in lines if b'"values":[' in line)
    folder.study.write_bytes(b"".join(line for line in lines if line != told))
    ended: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, Ended):
            ended.append(event.record.number)
            assert pd.read_csv(folder.trials)["trial"].is_unique

    resume(folder, listener=listen)
    table = pd.read_csv(folder.trials)
    assert ended[0] == 0
    assert ended[-1] == table["trial"].max() == len(table) - 1
