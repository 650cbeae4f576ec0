import sys
from pathlib import Path

import pytest

from bnas.cli.main import main
from tests.cli.terminal import Cli, Result


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Runs the command line in an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["bnas", *map(str, arguments)])
        capfd.readouterr()
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capfd.readouterr()
        return Result(status=status, out=out, err=err)

    return run


@pytest.fixture
def quick() -> list[str]:
    """Arguments of a search that takes about a second a trial."""
    options = "--space resnet --evaluator digits --engine inline --max-ops 30000"
    return [*options.split(), "--set", "evaluator.epochs=1"]
