"""The wheel works where nothing else is: in an empty environment, from an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# An installation downloads and unpacks about a gigabyte.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def programs(archives: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment that holds the wheel and its requirements."""
    environment = tmp_path_factory.mktemp("installation") / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    (wheel,) = archives.glob("*.whl")
    constraints = repository / "constraints.txt"
    subprocess.run(
        [environment / "bin/pip", "install", "--quiet", "-c", constraints, wheel], check=True
    )
    return environment / "bin"


def run(folder: Path, *command: str | Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_shipped_definitions_load_by_name(programs: Path, tmp_path: Path) -> None:
    script = (
        "import bnas, pathlib\n"
        "bnas.load_evaluator('digits')\n"
        "bnas.load_space('mobilenet')\n"
        "print(bnas.load_space('resnet').name, pathlib.Path(bnas.__file__).parent)"
    )
    name, home = run(tmp_path, programs / "python", "-c", script).split()
    assert name == "resnet"
    assert Path(home).is_relative_to(programs.parent)


def test_a_search_runs_in_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    options = "--space resnet --evaluator digits --engine inline --trials 4 --name first"
    out = run(tmp_path, programs / "bnas", "search", *options.split(), "--max-ops", "30000")
    assert "results/runs/first/plots/front.png" in out
    assert (tmp_path / "results/runs/first/plots/front.png").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_the_published_figures_are_there(programs: Path, tmp_path: Path) -> None:
    script = "from bnas.cost.published import published_points; print(len(published_points()))"
    assert int(run(tmp_path, programs / "python", "-c", script)) > 0
