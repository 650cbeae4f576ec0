"""`bnas retrain` and `bnas evaluate`: from a front to networks that can be used."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import bnas
from bnas.data import read
from tests.cli.terminal import Cli

RUN = Path("results/runs/one-digits-1")
SHORT = ("--evaluator", "digits", "--set", "evaluator.epochs=1", "--engine", "inline")


@pytest.fixture
def searched(cli: Cli, quick: list[str]) -> Cli:
    assert cli("search", *quick, "--trials", 2, "--name", "one", "--seed", 5).status == 0
    return cli


def test_a_front_becomes_networks(searched: Cli) -> None:
    front = json.loads(searched("front", "one", "--json").out)
    result = searched(
        "retrain", "one", "--front", "resnet20-bireal", *SHORT, "--seeds", 2, "--json"
    )
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert (found["run"], found["evaluator"], found["epochs"]) == ("results/runs/one", "digits", 1)
    assert found["proxy"] == "validation accuracy of digits after an epoch"
    assert found["kendall_tau"]["n"] == len(front)
    proxies = {one["digest"]: one["proxy"] for one in found["designs"]}
    assert {d: proxies[d] for d in (entry["digest"] for entry in front)} == {
        entry["digest"]: entry["objectives"]["accuracy"] for entry in front
    }
    beside = next(one for one in found["designs"] if one["name"] == "resnet20-bireal")
    assert (beside["published"], beside["proxy"]) == (True, None)
    assert json.loads((RUN / "retrained.json").read_text()) == found
    assert json.loads(searched("front", RUN.name, "--json").out) == found

    table = pd.read_csv(RUN / "retrained.csv")
    assert len(table) == 2 * len(found["designs"])
    assert set(table["seed"]) == {6, 7}
    for row in table.to_dict("records"):
        folder = RUN / row["network"]
        names = {path.name for path in folder.iterdir()}
        assert names >= {"weights.safetensors", "latent.safetensors", "design.json", "curve.csv"}
        scored = json.loads(searched("evaluate", folder, "--json").out)
        assert (scored["accuracy"], scored["loss"]) == (row["accuracy"], row["loss"])
        assert scored["low"] < scored["accuracy"] < scored["high"]
        assert sum(one["correct"] for one in scored["classes"]) == round(300 * row["accuracy"])
    plots = {path.name for path in (RUN / "plots").iterdir()}
    assert plots >= {"front.png", "front.svg", "front.html", "agreement.png", "agreement.svg"}
    for network in (RUN / "networks").iterdir():
        assert {"curve.csv", "curve.png", "curve.svg"} <= {path.name for path in network.iterdir()}

    shown = " ".join(searched("front", RUN.name).out.split())
    assert "means over 2 seeds and their 95 % t-intervals" in shown
    assert searched("front", RUN.name, "--csv").out == (RUN / "retrained.csv").read_text()
    assert searched("plot", RUN.name).status == 0
    number = len(table)
    assert json.loads(searched("status", RUN.name, "--json").out) == {
        "trainings": number,
        "counts": {"finished": number, "failed": 0},
    }
    assert searched("status", RUN.name).out == (
        f"{number} of {number} trainings finished, 0 failed\n"
    )


def test_a_network_is_loaded_in_five_lines(cli: Cli) -> None:
    result = cli("retrain", "resnet20-bireal", *SHORT, "--name", "r")
    assert result.status == 0, result.err
    assert "[1/1] resnet20-bireal seed 1: " in result.err
    (path,) = Path("results/runs/r/networks").iterdir()
    network = bnas.load(path)
    digits = read("digits")
    pixels = torch.from_numpy(digits.pixels).permute(0, 3, 1, 2)
    with torch.no_grad():
        labels: Tensor = network(pixels).argmax(1)
    right = (labels == torch.from_numpy(digits.labels)).float().mean().item()
    scored = json.loads(cli("evaluate", path, "--split", "all", "--json").out)
    assert scored["images"] == 1797
    assert right == pytest.approx(scored["accuracy"], abs=1e-6)
    assert network.design.name == "resnet20-bireal"
    shown = cli("evaluate", path, "--split", "train").out
    assert "digits, train, 1,197 images" in shown
    assert "The network was trained on such images." in shown


def test_of_a_front_the_most_accurate(searched: Cli) -> None:
    front = json.loads(searched("front", "one", "--json").out)
    best = max(front, key=lambda entry: entry["objectives"]["accuracy"])
    found = json.loads(searched("retrain", "one", "--front", "--top", 1, *SHORT, "--json").out)
    assert [one["digest"] for one in found["designs"]] == [best["digest"]]
    cheapest = front[0]["digest"]
    alone = json.loads(searched("retrain", f"one/{cheapest[:8]}", *SHORT, "--json").out)
    (one,) = alone["designs"]
    assert (one["digest"], one["proxy"]) == (cheapest, front[0]["objectives"]["accuracy"])


def test_an_evaluator_without_data_takes_those_of_the_search(
    searched: Cli, repository: Path
) -> None:
    text = (repository / "evaluators" / "digits.yaml").read_text()
    Path("open.yaml").write_text(text.replace("data: digits", "data: required"))
    options = ("--evaluator", "open.yaml", "--set", "evaluator.epochs=1", "--engine", "inline")
    found = json.loads(searched("retrain", "one", "--front", "--top", 1, *options, "--json").out)
    assert found["data"] == "digits"


def test_training_that_diverges_is_recorded(cli: Cli) -> None:
    result = cli(
        "retrain", "resnet20-bireal", *SHORT, "--set", "evaluator.recipe.learning_rate=1e38"
    )
    assert result.status == 1
    assert "resnet20-bireal seed 1 failed: EvaluationFailed: the training loss must " in result.err
    assert "failed: resnet20-bireal, seed 1: EvaluationFailed: " in result.out
    again = cli("resume", "resnet20-bireal-digits-1")
    assert (again.status, again.err) == (1, "")


def messages(cli: Cli, *arguments: object) -> str:
    result = cli(*arguments)
    assert result.status == 2, result.out
    return result.err


def test_what_cannot_be_retrained_is_said(searched: Cli) -> None:
    assert messages(searched, "retrain", "one", "--front") == (
        "error: a retraining needs an evaluator with its recipe and epochs, but none is given, and "
        "that of the search ('digits', 1 epochs) is only a proxy; name one with --evaluator (see "
        "`bnas evaluators`)\n"
    )
    assert messages(
        searched, "retrain", "one", "--front", *SHORT, "--set", "evaluator.split_seed=3"
    ) == (
        "error: the test split must be the one that the search has not seen, that of split_seed 0, "
        "but the evaluator 'digits' has split_seed 3; add --set evaluator.split_seed=0\n"
    )
    assert messages(searched, "retrain", "one", "--front", "--top", 0, *SHORT) == (
        "error: --top must be at least 1, but got 0; give a larger number\n"
    )
    assert messages(searched, "retrain", "one", "--front", "--seeds", 0, *SHORT) == (
        "error: a design is retrained with 1 to 1000 seeds, but got 0; 3 show how large the noise "
        "is\n"
    )
    assert messages(searched, "retrain", "one", "--front", *SHORT, "--set", "epochs=3") == (
        "error: --set of a retraining takes a key below evaluator or engine, but got 'epochs=3'; "
        "as in `--set evaluator.epochs=100`\n"
    )
    assert messages(
        searched, "retrain", "one", "--front", *SHORT, "--set", "evaluator.width_factor=0.5"
    ) == (
        "error: a retraining trains designs as they are, but the evaluator 'digits' has "
        "width_factor 0.5; add --set evaluator.width_factor=1\n"
    )
    assert messages(searched, "retrain", "one", "--front", *SHORT, "--with-published") == (
        "error: published designs to compare with are first candidates of the search or made for "
        "the same images, but none is for 8x8x1 pixels and 10 classes; name those to train beside "
        "the front: RUN --front DESIGN\n"
    )
    phases = "evaluator.recipe.phases=[{share: 1, coupled: true}, {share: 1}]"
    longer = ("--set", "evaluator.epochs=2", "--set", phases)
    assert messages(searched, "retrain", "resnet20-bireal", *SHORT, *longer) == (
        "error: a recipe with a coupled phase (BinaryDuo) needs paired activations in some stage, "
        "but the activation_levels of resnet20-bireal are signed; take a design with "
        "activation_levels: paired, or another recipe\n"
    )
    assert "--top is of a front" in messages(searched, "retrain", "resnet20-bireal", "--top", 1)


def test_a_run_may_be_named_in_more_than_one_way(searched: Cli) -> None:
    (first, *_) = json.loads(searched("front", "one", "--json").out)
    design = f"results/runs/one/{first['digest']}"
    result = searched("retrain", "./results/runs/one/", design, "--front", *SHORT, "--name", "r")
    assert result.status == 0, result.err


def test_a_run_is_no_design(searched: Cli) -> None:
    for name in ("one", "results/runs/one"):
        assert f"is a run; name a design of it, {name}/DIGEST, or retrain its front" in messages(
            searched, "retrain", name, *SHORT
        )


def test_data_that_do_not_fit_a_network_are_refused(cli: Cli, tmp_path: Path) -> None:
    assert cli("retrain", "resnet20-bireal", *SHORT, "--name", "r").status == 0
    (network,) = Path("results/runs/r/networks").iterdir()
    shapes = {"size": ((80, 9, 9, 1), 10), "channels": ((80, 8, 8, 3), 10), "classes": None}
    words = {
        "size": "images of the height and width 8, but the data have 9",
        "channels": "this number of channels 1, but the data have 3",
        "classes": "this number of classes 10, but the data have 5",
    }
    for name, shape in shapes.items():
        size, classes = shape or ((80, 8, 8, 1), 5)
        path = tmp_path / f"{name}.npz"
        np.savez(path, x=np.zeros(size, np.uint8), y=np.arange(80) % classes)
        assert messages(cli, "evaluate", network, "--data", path) == (
            f"error: {path}: the network 'resnet20-bireal' is trained for {words[name]}; give data "
            "like those that it was trained on\n"
        )


def test_designs_of_the_reference_are_priced_and_shown(cli: Cli, repository: Path) -> None:
    reference = repository / "results" / "reference"
    for run in ("cifar10-search", "cifar10-retrained"):
        result = cli("cost", reference / run / "ca52", "--json")
        assert json.loads(result.out)["totals"]["ops"] == 505_472
    shown = json.loads(cli("front", reference / "cifar10-retrained", "--json").out)["designs"]
    assert [one["digest"][:4] for one in shown if one["on_front"]] == ["23da", "6c35", "ca52"]
