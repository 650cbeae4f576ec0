import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.cli.terminal import Cli


def test_a_search_leaves_a_complete_run_folder(cli: Cli, quick: list[str]) -> None:
    result = cli("search", *quick, "--trials", 3, "--name", "one")
    assert result.status == 0, result.err
    run = Path("results/runs/one")
    present = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert {
        "config.yaml",
        "environment.json",
        "study.journal",
        "trials.csv",
        "front.json",
        "plots/front.png",
        "plots/front.svg",
        "plots/front.html",
    } <= present
    assert str(run) in result.out
    assert str(run / "plots" / "front.png") in result.out

    trials = pd.read_csv(run / "trials.csv")
    finished = trials[trials["state"] == "finished"]
    assert len(finished) == 3
    assert (finished["ops"] <= 30_000).all()
    assert (finished["epochs"] == 1).all()
    assert finished["accuracy"].between(0, 1).all()
    for digest in finished["digest"]:
        assert (run / "architectures" / f"{digest}.json").is_file()
    assert not list(run.rglob("*.pkl"))


def test_status_front_show_cost_and_plot_read_the_run(cli: Cli, quick: list[str]) -> None:
    cli("search", *quick, "--trials", 3, "--name", "one")
    status = json.loads(cli("status", "one", "--json").out)
    assert status["counts"]["finished"] == 3
    assert set(status["hypervolume"]) == {"value", "reference"}
    assert status["hypervolume"]["reference"] == {"accuracy": 0.1, "ops": 30_000}

    front = json.loads(cli("front", "one", "--json").out)
    assert front == json.loads(Path("results/runs/one/front.json").read_text())
    assert set(front[0]) == {"digest", "choices", "objectives", "costs", "epochs", "repeats"}
    assert front[0]["digest"] in cli("front", "one").out
    assert front[0]["digest"] in cli("front", "one", "--csv").out

    design = f"one/{front[0]['digest'][:6]}"
    priced = json.loads(cli("cost", design, "--json").out)
    assert priced["totals"] == front[0]["costs"]
    assert cli("show", design).status == 0
    Path("copy.json").write_text(cli("show", design, "--json").out)
    assert json.loads(cli("cost", "copy.json", "--json").out)["totals"] == front[0]["costs"]
    assert cli("plot", "results/runs/one").status == 0


def test_config_repeats_the_run(cli: Cli, quick: list[str]) -> None:
    cli("search", *quick, "--trials", 4, "--name", "one", "--sampler", "random", "--seed", 3)
    repeated = cli("search", "--config", "results/runs/one/config.yaml", "--name", "two")
    assert repeated.status == 0, repeated.err
    first, second = (pd.read_csv(f"results/runs/{name}/trials.csv") for name in ("one", "two"))
    pd.testing.assert_frame_equal(first.drop(columns="seconds"), second.drop(columns="seconds"))


def test_resume_goes_on_to_the_new_total_and_repeats_nothing(cli: Cli, quick: list[str]) -> None:
    cli("search", *quick, "--trials", 4, "--name", "whole", "--sampler", "random")
    cli("search", *quick, "--trials", 2, "--name", "parts", "--sampler", "random")
    before = pd.read_csv("results/runs/parts/trials.csv")
    result = cli("resume", "parts", "--trials", 4)
    assert result.status == 0, result.err
    after = pd.read_csv("results/runs/parts/trials.csv")
    pd.testing.assert_frame_equal(after.iloc[: len(before)], before, check_dtype=False)
    assert (after["state"] == "finished").sum() == 4
    config = yaml.safe_load(Path("results/runs/parts/config.yaml").read_text())
    assert config["search"]["trials"] == 4
    fewer = cli("resume", "parts", "--trials", 3)
    assert fewer.status == 2
    assert "but is 3 and 4 are; give a larger total" in fewer.err


def test_a_search_that_finds_nothing_ends_with_1(cli: Cli, quick: list[str]) -> None:
    teacher = "evaluator.recipe.teacher={network: os.path:nope}"
    result = cli("search", *quick, "--trials", 1, "--set", teacher)
    assert result.status == 1
    assert "error: no trial has finished" in result.err
    assert "the teacher 'os.path:nope' must be a function" in result.out


@pytest.mark.parametrize("run", ["results/runs/one", "elsewhere/one"])
def test_how_to_go_on_is_said_so_that_the_run_is_found(
    cli: Cli, quick: list[str], run: str
) -> None:
    cli("search", *quick, "--trials", 1, "--name", "one")
    Path("elsewhere").mkdir()
    Path("results/runs/one").rename("elsewhere/one")
    Path("elsewhere/one").rename(run)
    stopped = cli("resume", run, "--trials", 9, "--max-time", "0.01s")
    assert stopped.status == 0, stopped.err
    wanted = "one" if run == "results/runs/one" else run
    assert f"go on with: bnas resume {wanted}\n" in stopped.out


def test_own_data_is_searched_on(cli: Cli, tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 30)
    x = rng.integers(0, 80, (90, 6, 6, 2), dtype=np.uint8) + (80 * y[:, None, None, None]).astype(
        np.uint8
    )
    np.savez(tmp_path / "own.npz", x=x, y=y)
    options = "--space mobilenet --evaluator digits --engine inline --max-ops 1e5 --data own.npz"
    result = cli(
        "search", *options.split(), "--trials", 1, "--name", "own", "--set", "evaluator.epochs=1"
    )
    assert result.status == 0, result.err
    design = json.loads(cli("front", "own", "--json").out)
    status = json.loads(cli("status", "own", "--json").out)
    assert status["hypervolume"]["reference"]["accuracy"] == pytest.approx(1 / 3)
    assert len(design) <= 1


def test_ctrl_c_stops_cleanly_and_says_how_to_resume(tmp_path: Path, quick: list[str]) -> None:
    arguments = [*quick, "--trials", "50", "--name", "stopped"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bnas", "search", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    trials = tmp_path / "results/runs/stopped/trials.csv"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (
        not trials.exists() or len(trials.read_text().splitlines()) < 3
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "bnas resume stopped" in out
    table = pd.read_csv(trials)
    assert (table["state"] == "finished").sum() >= 2
