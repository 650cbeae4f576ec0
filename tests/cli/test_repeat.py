"""`bnas repeat`: the front with new seeds."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.terminal import Cli

RUN = Path("results/runs/one")


@pytest.fixture
def searched(cli: Cli, quick: list[str]) -> Cli:
    assert cli("search", *quick, "--trials", 4, "--name", "one", "--seed", 5).status == 0
    return cli


def test_a_front_is_repeated_and_shown_with_intervals(searched: Cli) -> None:
    before = json.loads(searched("front", "one", "--json").out)
    assert {entry["repeats"] for entry in before} == {None}
    assert "One seed for each design" in searched("front", "one").out

    result = searched("repeat", "one", "--front", "--seeds", 2, "--json")
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert [entry["digest"] for entry in found] == [entry["digest"] for entry in before]
    for entry in found:
        assert entry["seeds"] == [6, 7]
        assert entry["mean"] == pytest.approx(sum(entry["accuracies"]) / 2)
        assert entry["low"] <= entry["mean"] <= entry["high"]
        assert (entry["level"], entry["failed"]) == (0.95, 0)

    after = json.loads(searched("front", "one", "--json").out)
    assert after == json.loads((RUN / "front.json").read_text())
    kept = [entry["digest"] for entry in found if entry["on_front"]]
    assert [entry["digest"] for entry in after] == kept
    assert after[0]["objectives"]["accuracy"] == after[0]["repeats"]["mean"]
    shown = searched("front", "one").out
    assert "95 % interval" in shown
    assert "means over new seeds with the 95 % t-interval" in " ".join(shown.split())
    assert searched("plot", "one").status == 0
    page = (RUN / "plots" / "front.html").read_text()
    assert "means over 2 short trainings with new seeds" in page
    assert not (RUN / "repeat-checkpoints").exists()


def test_nothing_is_evaluated_twice(searched: Cli) -> None:
    searched("repeat", "one", "--front", "--seeds", 1)
    before = pd.read_csv(RUN / "repeats.csv")
    again = searched("repeat", "one", "--front", "--seeds", 1)
    assert "seed 6" not in again.err
    pd.testing.assert_frame_equal(pd.read_csv(RUN / "repeats.csv"), before)
    more = searched("repeat", "one", "--front", "--seeds", 2)
    assert more.status == 0, more.err
    after = pd.read_csv(RUN / "repeats.csv")
    pd.testing.assert_frame_equal(after.iloc[: len(before)], before, check_dtype=False)
    assert sorted(after["seed"].unique()) == [6, 7]
    assert not after.duplicated(["digest", "seed"]).any()


def test_single_designs_are_repeated(searched: Cli) -> None:
    digest = json.loads(searched("front", "one", "--json").out)[0]["digest"]
    result = searched("repeat", "one", digest[:6], "--seeds", 1, "--json")
    assert [entry["digest"] for entry in json.loads(result.out)] == [digest]
    assert json.loads(result.out)[0]["low"] is None


def test_what_to_repeat_must_be_said(searched: Cli) -> None:
    result = searched("repeat", "one")
    assert result.status == 2
    assert "designs are named by --front or by DIGEST; give one of the two" in result.err
    result = searched("repeat", "one", "--front", "--seeds", 0)
    assert result.err == (
        "error: a design is repeated with 1 to 999 seeds, but got 0; 3 show how large the noise "
        "is\n"
    )


@pytest.mark.slow
def test_the_ray_engine_finds_the_same(searched: Cli) -> None:
    inline = json.loads(searched("repeat", "one", "--front", "--seeds", 2, "--json").out)
    (RUN / "repeats.csv").unlink()
    result = searched(
        "repeat", "one", "--front", "--seeds", 2, "--engine", "ray", "--workers", 2, "--json"
    )
    assert result.status == 0, result.err
    assert json.loads(result.out) == inline


def test_an_interrupted_repetition_goes_on_from_its_checkpoint(
    searched: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bnas.evaluation import ProxyTraining
    from bnas.search import Checkpoint

    given: list[Checkpoint] = []
    real = ProxyTraining.evaluate

    def interrupted(*arguments: object, checkpoint: Checkpoint, **rest: object) -> object:
        given.append(checkpoint)
        checkpoint.folder.mkdir(exist_ok=True)
        (checkpoint.folder / "state.pt").write_bytes(b"damaged")
        if len(given) == 1:
            raise KeyboardInterrupt
        return real(*arguments, checkpoint=checkpoint, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ProxyTraining, "evaluate", interrupted)
    stopped = searched("repeat", "one", "--front", "--seeds", 1)
    assert stopped.status == 130
    assert "interrupted; unfinished trials can be resumed" in stopped.out
    assert given[0].folder.is_dir()
    resumed = searched("repeat", "one", "--front", "--seeds", 1)
    assert resumed.status == 0
    assert given[1] == given[0]
    assert f"the checkpoint {given[0].folder / 'state.pt'} is damaged" in resumed.err
    assert not (RUN / "repeat-checkpoints").exists()
