import json
from pathlib import Path

import pytest

from bnas.errors import RunError
from bnas.runs import folder
from bnas.runs.files import write_json, write_text


def test_names_that_are_made_up_are_numbered(tmp_path: Path) -> None:
    made = [folder.create(tmp_path / "runs", None, default="resnet-digits") for _ in range(3)]
    assert [run.name for run in made] == ["resnet-digits-1", "resnet-digits-2", "resnet-digits-3"]


@pytest.mark.parametrize(
    ("default", "expected"),
    [("a design/of: mine", "a-design-of-mine-1"), ("../..", "run-1"), ("x" * 200, "x" * 90 + "-1")],
)
def test_names_that_are_made_up_are_allowed_ones(
    default: str, expected: str, tmp_path: Path
) -> None:
    run = folder.create(tmp_path, None, default=default)
    assert run.path == tmp_path / expected
    run.config.write_text("")
    assert folder.find(tmp_path, expected).path == run.path


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a b", "a" * 101, "a/b"])
def test_names_that_are_no_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        folder.create(tmp_path, name, default="unused")
    assert str(caught.value) == (
        "a run's name is up to 100 letters, digits, '.', '_' and '-', beginning with a letter or "
        f"digit, but got {name!r}; choose another, and its place with --results-dir"
    )
    assert not list(tmp_path.iterdir())


def test_a_run_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    run = folder.create(tmp_path, "one", default="unused")
    run.config.write_text("")
    assert folder.find(tmp_path, "one").path == run.path
    assert folder.find(tmp_path / "elsewhere", str(run.path)).path == run.path


def test_one_process_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    run = folder.create(tmp_path, "one", default="unused")
    with run.locked(), pytest.raises(RunError) as caught, run.locked():
        pass
    assert str(caught.value) == (
        f"one process at a time may search in a run folder, but another one is at work in "
        f"{run.path}; wait for it or stop it"
    )
    with run.locked():
        pass


def test_a_file_that_cannot_be_replaced_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "front.json"
    write_json(path, [1])

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RunError) as caught:
        write_text(path, "[1, 2]")
    assert str(caught.value) == (
        f"{path} must be writable, but No space left on device; free space or correct the "
        "permissions, then resume the run: everything recorded before is kept"
    )
    assert json.loads(path.read_text()) == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_files_have_the_permissions_that_the_user_gives_to_files(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
