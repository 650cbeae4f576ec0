import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bnas.space import SearchSpace, load_space
from tests.faults import watched
from tests.search import tables
from tests.search.conftest import events, journal, many, search

__all__ = ["events", "journal", "many", "search"]


def eight_networks(folder: Path) -> SearchSpace:
    """A space of eight small networks, written to a folder."""
    path = folder / "eight.yaml"
    path.write_text(tables.EIGHT_NETWORKS, encoding="utf-8")
    return load_space(path)


@pytest.fixture
def eight(tmp_path: Path) -> SearchSpace:
    """A space of eight small networks, in a file of this name."""
    return eight_networks(tmp_path)


@pytest.fixture
def arguments(eight: SearchSpace) -> list[str]:
    """A search of some seconds whose trials can be interrupted after any epoch."""
    assert eight.size() == 8
    options = "search --space eight.yaml --evaluator digits --sampler random --name run"
    settings = ["search.checkpoint_s=0", "evaluator.epochs=4", "evaluator.rungs=null"]
    return [*options.split(), *(part for text in settings for part in ("--set", text))]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of that search."""
    return tmp_path / "results" / "runs" / "run"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary directory of all commands; its path is short, as Ray needs it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Accuracy and loss of every design of the space, by a search that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    space = eight_networks(folder)
    _, found, _ = watched.searched(folder, space, watched.quick().build, engine="inline")
    return {name: (e.accuracy, e.loss) for name, e in found.items() if e is not None}
