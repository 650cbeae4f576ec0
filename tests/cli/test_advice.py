"""`bnas explain`, `bnas check`, `bnas cost --convention` and the figures of `bnas designs`."""

import json
from typing import Any

import pytest

from bnas.architecture import load_design, published_names
from bnas.cost import CONVENTIONS, ledger

Cli = Any


def totals(design: str, **settings: Any) -> dict[str, float]:
    found = load_design(design)
    priced = ledger(
        found.architecture,
        image_size=found.image_size,
        num_classes=found.num_classes,
        **settings,
    )
    return priced.totals.as_dict()


def test_explain_prices_the_neighbours(cli: Cli) -> None:
    found = json.loads(cli("explain", "reactnet-a", "--json").out)
    assert found["totals"] == totals("reactnet-a")
    by_change = {(row["choice"], row["other"]): row["totals"] for row in found["alternatives"]}
    # Real-valued widening in one group is ReActNet-C, but for the shortcut of a real convolution.
    assert by_change["widening", "real"]["bops"] == totals("reactnet-c")["bops"]
    assert by_change["unit.groups", 2]["bops"] * 2 == found["totals"]["bops"]


def test_explain_shows_what_is_saved(cli: Cli) -> None:
    out = cli("explain", "resnet20-bireal").out
    (row,) = [line for line in out.splitlines() if line.split()[:3] == ["unit.groups", "1", "2"]]
    assert "-313,344" in row
    assert "-29.3 %" in row


@pytest.mark.parametrize("name", published_names())
def test_explain_and_check_take_every_design(cli: Cli, name: str) -> None:
    for verb in ("explain", "check"):
        result = cli(verb, name)
        assert (result.status, result.err) == (0, "")
        assert name in result.out


def test_check_names_rule_and_layers(cli: Cli) -> None:
    found = json.loads(cli("check", "bnn-plus-vgg", "--json").out)
    assert not found["fast"]
    assert found["target"] == "lce"
    dense = [breach["layer"] for breach in found["breaches"] if breach["rule"] == "dense"]
    assert dense == ["hidden.unit1.conv", "hidden.unit2.conv"]
    assert "hidden.unit1.conv, hidden.unit2.conv" in cli("check", "bnn-plus-vgg").out


def test_a_fast_design(cli: Cli, tmp_path: Any) -> None:
    (tmp_path / "fast.yaml").write_text(
        "skeleton: resnet\nstem: {width: 32}\nunit: {padding: one}\n"
        "stages: [{depth: 1, width: 32}]\n"
    )
    assert "Every binary layer keeps every rule." in cli("check", "fast.yaml").out
    assert json.loads(cli("check", "fast.yaml", "--json").out)["fast"]


def test_an_unknown_target(cli: Cli) -> None:
    result = cli("check", "reactnet-a", "--target", "tpu")
    assert result.status == 2
    assert "'tpu' is not 'lce'" in result.err


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_cost_in_a_convention(cli: Cli, convention: str) -> None:
    found = json.loads(cli("cost", "reactnet-a", "--convention", convention, "--json").out)
    assert found["convention"] == convention
    assert found["totals"] == totals("reactnet-a", convention=CONVENTIONS[convention])
    assert bool(found["uncounted"]) == (convention != "all-elementwise")


def test_designs_say_what_is_published(cli: Cli) -> None:
    found = {row["design"]: row for row in json.loads(cli("designs", "--json").out)}
    assert set(found) == set(published_names())
    ops = {"figure": "ops", "value": 1.63e8, "mark": "V", "source": "Bi-Real Net (ECCV 2018)"}
    note = "counted without the classifier, whose 512,000 FLOPs make the difference"
    assert {**ops, "note": note} in found["bireal-18"]["published"]
    out = cli("designs").out
    assert "1.63e8 V" in out
    assert note in out


def test_what_is_only_remembered_is_not_printed_as_published(cli: Cli) -> None:
    out = cli("designs").out
    # Bi-Real-34's OPs and BinaryDuo's accuracy.
    assert "1.93e8" not in out
    assert "60.4" not in out
