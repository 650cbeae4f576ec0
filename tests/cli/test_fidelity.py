"""`bnas fidelity`: measured in part, gone on with, shown."""

import json
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.terminal import Cli

RUN = Path("results/runs/one")
QUICK = [
    *("fidelity", "--space", "resnet", "--evaluator", "quick.yaml", "--engine", "inline"),
    *("--truth", "epochs=2", "--designs", 4, "--seeds", 2, "--max-ops", 12000, "--name", "one"),
]
EVALUATOR = """\
name: quick
description: A test
data: few.npz
epochs: 1
recipe: {optimizer: adam, learning_rate: 0.01, schedule: constant, batch_size: 64}
"""


@pytest.fixture
def _quick_evaluator(cli: Cli) -> None:
    """In the working directory of the command line."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = digits.images[:240, ..., None].astype(np.uint8)
    np.savez("few.npz", x=pixels, y=digits.target[:240])
    Path("quick.yaml").write_text(EVALUATOR)


@pytest.mark.usefixtures("_quick_evaluator")
def test_an_interrupted_measurement_goes_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from bnas.evaluation import ProxyTraining

    calls: list[int] = []
    real = ProxyTraining.evaluate

    def interrupted(*arguments: object, seed: int, **rest: object) -> object:
        calls.append(seed)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments, seed=seed, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ProxyTraining, "evaluate", interrupted)
    stopped = cli(*QUICK)
    assert stopped.status == 130, stopped.err
    assert "[3/12] long " in stopped.err
    assert "go on with: bnas resume one" in stopped.out
    before = pd.read_csv(RUN / "fidelity.csv")
    assert (before["proxy"] == "long").sum() == 3

    taken = cli(*QUICK)
    assert taken.err == (
        "error: a new run needs a new name, but results/runs/one exists; choose another name, or "
        "go on with `bnas resume results/runs/one`\n"
    )
    resumed = cli("resume", "one")
    assert resumed.status == 0, resumed.err
    assert calls == [1] * 4 + [1] + [2] * 4 + [0] * 4
    after = pd.read_csv(RUN / "fidelity.csv")
    pd.testing.assert_frame_equal(after.iloc[: len(before)], before, check_dtype=False)
    assert not after.duplicated(["proxy", "digest", "seed"]).any()
    assert dict(after["proxy"].value_counts()) == {
        "long": 8,
        "quick": 4,
        **dict.fromkeys(
            ("grad-norm", "naswot", "synflow", "jacobian-covariance", "params", "ops"), 4
        ),
    }
    assert "ended: all 12 trainings are done" in resumed.out
    assert "long training   2 epochs, 2 seeds" in resumed.out

    found = json.loads((RUN / "fidelity.json").read_text())
    assert found["truth"]["num_designs"] == 4
    assert [p["name"] for p in found["proxies"]][:3] == ["quick", "long", "grad-norm"]
    assert found["proxies"][0]["title"] == "quick, epoch 1"
    present = {str(path.relative_to(RUN)) for path in RUN.rglob("*") if path.is_file()}
    assert {
        "config.yaml",
        "environment.json",
        "plots/fidelity.png",
        "plots/fidelity.svg",
    } <= present
    assert len(list((RUN / "architectures").iterdir())) == 4
    assert not (RUN / "checkpoints").exists()
    assert cli("status", "one").err == (
        "error: a run of `bnas search` is needed, but results/runs/one is one of `bnas fidelity`; "
        "`bnas resume results/runs/one` goes on with it and shows what it found\n"
    )


@pytest.mark.usefixtures("_quick_evaluator")
def test_scores_that_were_interrupted_go_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from bnas.evaluation.zero_cost import scores

    real, calls = scores.score, []

    def interrupted(name: str, *arguments: object, **rest: object) -> object:
        calls.append(name)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return real(name, *arguments, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(scores, "score", interrupted)
    stopped = cli(*QUICK, "--seeds", 1)
    assert stopped.status == 130
    assert "go on with: bnas resume one" in stopped.out
    # The first call is not counted.
    before = pd.read_csv(RUN / "fidelity.csv")
    assert list(before["proxy"]) == ["grad-norm"] * 2
    assert json.loads((RUN / "fidelity.json").read_text())["truth"] is None

    out_of_time = cli("resume", "one", "--max-time", "1e-9")
    assert "ended: the time limit of 1e-09 s is over; resume to go on" in out_of_time.out
    pd.testing.assert_frame_equal(pd.read_csv(RUN / "fidelity.csv"), before)
    assert cli("resume", "one").status == 0
    after = pd.read_csv(RUN / "fidelity.csv")
    pd.testing.assert_frame_equal(after.iloc[:2], before, check_dtype=False)
    assert len(after) == 8 + 6 * 4
    assert not after.duplicated(["proxy", "digest", "seed"]).any()


def test_what_cannot_be_measured_is_refused(cli: Cli) -> None:
    scores = cli("fidelity", "--space", "resnet", "--evaluator", "zero-cost")
    assert scores.status == 2
    assert scores.err == (
        "error: an evaluator must train here, but 'zero-cost' is of the kind 'zero-cost', whose "
        "scores are no accuracies; name one of the kind 'training', and see what the scores are "
        "worth with `bnas fidelity`\n"
    )
    unknown = cli("fidelity", "--space", "resnet", "--evaluator", "digits", "--proxy", "zero")
    assert unknown.status == 2
    assert unknown.err.startswith("error: unknown evaluator 'zero'; did you mean 'zero-cost'? ")
    twice = cli("fidelity", "--space", "resnet", "--evaluator", "digits", "--proxy", "digits")
    assert twice.status == 2
    assert twice.err == (
        "error: fidelity: every proxy must have a name of its own, but 'digits' is one of several; "
        "leave one out or rename its evaluator\n"
    )
    assert not Path("results").exists()


def test_a_search_does_not_take_scores_for_accuracies(cli: Cli) -> None:
    result = cli("search", "--space", "resnet", "--evaluator", "zero-cost")
    assert result.status == 2
    assert "whose scores are no accuracies" in result.err
