"""What the wheel and the source archive hold."""

import re
import tarfile
import zipfile
from pathlib import Path

import pytest

import bnas

# Folders that are one machine's own; a file that names one was not written for others.
MACHINE_PATH = re.compile(rb"(?<![\w.$}])/(?:home|root|tmp|Users|work)/\w[^\s\"']*")


@pytest.fixture(scope="module")
def wheel(archives: Path) -> dict[str, bytes]:
    """Content of the wheel's files by name."""
    (path,) = archives.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def source(archives: Path) -> dict[str, bytes]:
    """Content of the source archive's files by name, without the leading folder."""
    (path,) = archives.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name.partition("/")[2]: file.read() for name, file in files.items() if file}


def definitions(repository: Path) -> dict[str, bytes]:
    folders = ("search_spaces", "evaluators")
    files = [path for folder in folders for path in (repository / folder).glob("*.yaml")]
    return {path.relative_to(repository).as_posix(): path.read_bytes() for path in files}


def test_the_only_top_level_name_of_the_wheel_is_bnas(wheel: dict[str, bytes]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert tops == {"bnas", f"bnas-{bnas.__version__}.dist-info"}


def test_the_wheel_carries_every_definition_inside_the_package(
    wheel: dict[str, bytes], repository: Path
) -> None:
    expected = definitions(repository)
    assert expected, "no YAML file in search_spaces/ and evaluators/"
    assert {name: wheel.get(f"bnas/{name}") for name in expected} == expected


def test_the_wheel_carries_every_file_of_the_package_and_the_published_figures(
    wheel: dict[str, bytes], repository: Path
) -> None:
    files = {
        path.relative_to(repository).as_posix()
        for path in repository.glob("bnas/**/*")
        if path.is_file() and path.suffix != ".pyc"
    }
    definitions_inside = {f"bnas/{name}" for name in definitions(repository)}
    inside = {name for name in wheel if name.startswith("bnas/")}
    assert inside == files | definitions_inside | {"bnas/results/reference/published.csv"}


def test_the_source_archive_carries_what_a_rebuild_and_the_tests_need(
    source: dict[str, bytes], repository: Path
) -> None:
    expected = definitions(repository)
    assert {name: source.get(name) for name in expected} == expected
    assert {"LICENSE", "Makefile", "constraints.txt", "pyproject.toml"} <= source.keys()
    assert "tests/test_packaging.py" in source


def test_no_shipped_file_names_a_path_of_the_machine_it_was_written_on(
    source: dict[str, bytes],
) -> None:
    found = {name: match.group() for name in source if (match := MACHINE_PATH.search(source[name]))}
    assert found == {}
