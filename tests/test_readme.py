"""What the README shows is what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

import bnas
from bnas.cli.main import command


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text()


def blocks(readme: str, language: str = "") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", readme, flags=re.DOTALL)


def test_its_commands_and_their_options_exist(readme: str) -> None:
    shown = [line for block in blocks(readme) for line in block.splitlines() if "bnas " in line]
    calls = [call.split("#")[0].split() for line in shown for call in line.split(" | ")]
    assert len(calls) >= 10
    context = command.make_context("bnas", [], resilient_parsing=True)
    for _, verb, *words in calls:
        found = command.get_command(context, verb)
        assert found is not None, verb
        known = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, (verb, words)


def test_its_python_runs(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = blocks(readme, "python")
    assert len([line for line in program.splitlines() if line.strip()]) == 5
    monkeypatch.chdir(tmp_path)
    whole = bnas.run_search

    def quick(*names: str, trials: int, **settings: Any) -> bnas.Run:
        assert trials == 30
        return whole(*names, trials=2, engine="inline", **settings)

    monkeypatch.setattr(bnas, "run_search", quick)
    exec(compile(program, "README.md", "exec"), {})  # noqa: S102 - the README's own program
    (picture,) = tmp_path.glob("results/runs/*/plots/front.png")
    assert picture.stat().st_size > 0


def test_its_links_lead_somewhere(readme: str, repository: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", readme)
    assert targets
    missing = [t for t in targets if "://" not in t and not (repository / t).exists()]
    assert missing == []
