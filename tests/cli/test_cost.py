import json
import subprocess
import sys

import pytest

from tests.cli.terminal import Cli

# The figures of the published tables, counted with one operation a multiply-accumulate.
PUBLISHED = {
    "reactnet-a": (4_816_896_000, 11_862_016, 87_126_016),
    "bireal-18": (1_676_279_808, 137_793_536, 163_985_408),
    "resnet20-bireal": (40_108_032, 443_008, 1_069_696),
}


@pytest.mark.parametrize("design", PUBLISHED)
def test_published_designs_cost_what_is_published(cli: Cli, design: str) -> None:
    totals = json.loads(cli("cost", design, "--json").out)["totals"]
    assert (totals["bops"], totals["flops"], totals["ops"]) == PUBLISHED[design]


@pytest.mark.parametrize("design", PUBLISHED)
def test_the_table_shows_the_exact_figures(cli: Cli, design: str) -> None:
    result = cli("cost", design)
    for figure in PUBLISHED[design]:
        assert f"{figure:,}" in result.out


def test_the_layers_sum_to_the_totals(cli: Cli) -> None:
    found = json.loads(cli("cost", "reactnet-a", "--json").out)
    for name in ("bops", "flops", "ops", "ace", "binary_params", "real_params", "packed_bytes"):
        assert sum(layer[name] for layer in found["layers"]) == found["totals"][name]


def test_image_size_and_classes_are_the_designs_own_unless_given(cli: Cli) -> None:
    own = json.loads(cli("cost", "resnet20-bireal", "--json").out)["totals"]
    given = json.loads(
        cli("cost", "resnet20-bireal", "--image-size", 32, "--num-classes", 10, "--json").out
    )["totals"]
    larger = json.loads(cli("cost", "resnet20-bireal", "--image-size", 64, "--json").out)["totals"]
    assert own == given
    assert larger["bops"] == 4 * own["bops"]


@pytest.mark.parametrize("arguments", [["--help"], ["cost", "reactnet-a"], ["designs", "--json"]])
def test_what_needs_no_training_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from bnas.cli.main import main\n"
        f"sys.argv = ['bnas', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'ray', 'optuna', 'pandas', 'matplotlib', 'plotly', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
