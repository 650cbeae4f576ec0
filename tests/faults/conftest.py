from pathlib import Path

import pytest

from bnas.space import SearchSpace, load_space
from tests.search import tables


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
