"""`import bnas` is cheap, and its public names are there."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import bnas

HEAVY = ("PIL", "matplotlib", "optuna", "pandas", "plotly", "ray", "scipy", "sklearn", "torch")


@pytest.mark.parametrize(
    "package",
    ["bnas", "bnas.architecture", "bnas.cost", "bnas.errors", "bnas.space", "bnas.search"],
)
def test_importing_loads_no_heavy_library(package: str) -> None:
    script = f"import sys, {package}; print(*sorted(sys.modules.keys() & {set(HEAVY)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_every_public_name_resolves() -> None:
    assert [name for name in bnas.__all__ if getattr(bnas, name, None) is None] == []


def test_dir_lists_every_public_name() -> None:
    assert set(bnas.__all__) <= set(dir(bnas))


def test_an_unknown_name_is_reported_with_the_public_ones() -> None:
    with pytest.raises(AttributeError) as caught:
        bnas.serch  # type: ignore[attr-defined] # noqa: B018
    assert str(caught.value) == (
        "module 'bnas' has no attribute 'serch'; its public names: " + ", ".join(bnas.__all__)
    )


def test_the_version_is_that_of_the_installed_package() -> None:
    assert bnas.__version__ == version("bnas")
