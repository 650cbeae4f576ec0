"""Where a search lets its trials keep their state, and when it removes that."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bnas.architecture import Architecture
from bnas.search.checkpoints import Checkpoints
from bnas.search.engine import Summary, run_search
from bnas.search.events import Event, Noted, Started
from bnas.search.port import Checkpoint, Evaluation, Progress
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.space import SearchSpace
from tests.search import tables


@dataclass
class Keeping(tables.Table):
    """Writes a file where it may keep its state, and may end a search within its second epoch."""

    given: list[Checkpoint] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    interrupted: int | None = None
    note: str | None = None

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seed: int,
        report: Callable[[Progress], bool],
        checkpoint: Checkpoint | None = None,
    ) -> Evaluation:
        assert checkpoint is not None
        self.given.append(checkpoint)
        checkpoint.folder.mkdir(exist_ok=True)
        (checkpoint.folder / "state").touch()
        self.present.append(len(list(checkpoint.folder.parent.iterdir())))
        if len(self.given) == self.interrupted:
            raise KeyboardInterrupt

        def report_with_note(progress: Progress) -> bool:
            return report(replace(progress, note=self.note))

        return super().evaluate(architecture, seed=seed, report=report_with_note)


@pytest.fixture
def searched(
    journal: Path, many: SearchSpace, tmp_path: Path
) -> Callable[..., tuple[Summary, list[Event]]]:
    def search(table: tables.Table, **values: Any) -> tuple[Summary, list[Event]]:
        settings = SearchSettings.model_validate(
            {"engine": "inline", "sampler": "random", "trials": 4, "checkpoint_s": 7, **values}
        )
        is_new = not journal.exists()
        study = Study.create(journal, settings.objectives) if is_new else Study.load(journal)
        events: list[Event] = []
        summary = run_search(
            study,
            settings=settings,
            space=many,
            cost=tables.cost,
            evaluator=lambda: table,
            listener=events.append,
            checkpoints=tmp_path / "checkpoints",
        )
        return summary, events

    return search


Searched = Callable[..., tuple[Summary, list[Event]]]


def test_each_trial_has_its_place_while_it_runs(searched: Searched, tmp_path: Path) -> None:
    table = Keeping()
    _, events = searched(table)
    numbers = [event.record.number for event in events if isinstance(event, Started)]
    expected = [
        Checkpoint(folder=tmp_path / "checkpoints" / str(number), interval_s=7.0)
        for number in numbers
    ]
    assert table.given == expected
    assert table.present == [1, 1, 1, 1]
    assert not (tmp_path / "checkpoints").exists()


def test_an_unfinished_trial_keeps_its_state_for_the_next_time(
    searched: Searched, tmp_path: Path
) -> None:
    table = Keeping(interrupted=2)
    summary, _ = searched(table)
    assert summary.end.reason == "interrupted"
    (left,) = (tmp_path / "checkpoints").iterdir()
    assert left == table.given[-1].folder
    (tmp_path / "checkpoints" / "99").mkdir()
    (tmp_path / "checkpoints" / "stray").mkdir()

    resumed = Keeping()
    searched(resumed)
    assert resumed.given[0].folder == left
    assert resumed.present == [1, 1, 1]
    assert not (tmp_path / "checkpoints").exists()


def test_none_is_kept_where_none_is_wanted(searched: Searched, tmp_path: Path) -> None:
    summary, _ = searched(tables.Table(), checkpoint_s=None)
    assert summary.counts["finished"] == 4
    assert not (tmp_path / "checkpoints").exists()


def test_what_an_evaluator_notes_is_told(searched: Searched) -> None:
    table = Keeping(note="the checkpoint is damaged")
    _, events = searched(table, trials=1)
    notes = [event for event in events if isinstance(event, Noted)]
    assert {str(note) for note in notes} == {f"trial {notes[0].number}: the checkpoint is damaged"}


def test_the_place_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Checkpoints(Path("here"), interval_s=1.0).of(3).folder == tmp_path / "here" / "3"
