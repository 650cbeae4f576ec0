from pathlib import Path
from typing import Any

import pytest

from bnas.search.engine import Summary, run_search
from bnas.search.events import Event, Listener
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.space import SearchSpace, load_space
from tests.search import tables


def _space(folder: Path, text: str) -> SearchSpace:
    path = folder / "space.yaml"
    path.write_text(text, encoding="utf-8")
    return load_space(path)


@pytest.fixture(scope="session")
def eight(tmp_path_factory: pytest.TempPathFactory) -> SearchSpace:
    """A space of eight networks."""
    return _space(tmp_path_factory.mktemp("eight"), tables.EIGHT_NETWORKS)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> SearchSpace:
    """A space of many networks."""
    return _space(tmp_path_factory.mktemp("many"), tables.MANY_NETWORKS)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "study.journal"


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def search(journal: Path, events: list[Event]) -> tables.Search:
    """Searches in-process on a table, and goes on with the study if there is one."""

    def run(
        space: SearchSpace,
        table: tables.Table | None = None,
        *,
        listener: Listener = events.append,
        **values: Any,
    ) -> tuple[Summary, Study]:
        settings = SearchSettings.model_validate(
            {"engine": "inline", "sampler": "random", **values}
        )
        if journal.exists():
            study = Study.load(journal, mend=True)
        else:
            study = Study.create(journal, settings.objectives)
        summary = run_search(
            study,
            settings=settings,
            space=space,
            cost=tables.cost,
            evaluator=lambda: table or tables.Table(),
            listener=listener,
        )
        return summary, study

    return run
