"""Whatever is wrong: one message with rule, value and remedy, exit status 2, nothing lost."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Cli

SEARCH = "search --space resnet --evaluator digits"

MESSAGES = {
    "search --space resnett --evaluator digits": (
        "unknown search space 'resnett'; did you mean 'resnet'? available: "
    ),
    "search --space resnet --evaluator digit": (
        "unknown evaluator 'digit'; did you mean 'digits'? available: "
    ),
    "search --space resnet": (
        "a search needs its evaluator, but none is given; name one, as in `--evaluator digits` "
        "(see `bnas evaluators`), or give a whole configuration with --config"
    ),
    f"{SEARCH} --trials 0": (
        "configuration: 'search.trials' must be greater than or equal to 1, but got 0"
    ),
    f"{SEARCH} --data mnist": "configuration: 'evaluator.data': unknown data set 'mnist'; ",
    f"{SEARCH} --data no.npz": (
        "no.npz: the file must be a readable .npz archive of plain arrays, but No such file or "
        "directory; save it with numpy.savez_compressed(path, x=..., y=...)"
    ),
    f"{SEARCH} --set evaluator.epoch=3": (
        "configuration: unknown key 'evaluator.epoch', did you mean 'epochs'?; allowed keys: "
    ),
    f"{SEARCH} --set epochs": (
        "--set takes KEY=VALUE, but got 'epochs'; as in `--set evaluator.epochs=3`"
    ),
    f"{SEARCH} --set evaluator.epochs.x=3": (
        "--set takes a dotted key of the configuration, but in 'evaluator.epochs.x' 'epochs' is a "
        "value, not a group of keys; see the config.yaml of a run for what there is"
    ),
    f"{SEARCH} --objective ops --objective flops": (
        "configuration: 'search.objectives': objectives must be accuracy and one or two costs, "
        "but got ops, flops; name accuracy and one or two of "
    ),
    f"{SEARCH} --max-ops -3": (
        "configuration: 'search.bounds.ops.maximum' must be greater than 0, but got -3.0"
    ),
    f"{SEARCH} --name ../x": (
        "a run's name is up to 100 letters, digits, '.', '_' and '-', beginning with a letter or "
        "digit, but got '../x'; choose another, and its place with --results-dir"
    ),
    f"{SEARCH} --engine inline --workers 3": (
        "configuration: 'search': the inline engine runs one trial at a time, but workers is 3; "
        "set workers to 1 or choose the ray engine"
    ),
    f"{SEARCH} --address here": (
        "configuration: 'search.address': an address must be HOST:PORT, but got 'here'; "
        "add what is missing"
    ),
    f"{SEARCH} --set space.choices.group=[3]": (
        "configuration: unknown key 'space.choices.group', did you mean 'groups'?; allowed keys: "
    ),
    f"{SEARCH} --set evaluator.subset=1198": (
        "subset must be at most the number of training images, 1197, but is 1198; lower it or "
        "leave it out"
    ),
    f"{SEARCH} --evaluator cifar10-binaryduo --data digits": (
        "a recipe with a coupled phase (BinaryDuo) needs paired activations, but the space "
        "'resnet' has activation_levels signed alone, and the evaluator is 'cifar10-binaryduo'; "
        "take the space 'binaryduo', or another evaluator"
    ),
    "search --config no.yaml": (
        "no.yaml: the file must be readable, but No such file or directory; correct the path or "
        "its permissions"
    ),
    "resume nope": (
        "RUN is a name under results/runs or a path, but there is no 'nope'; runs there: none"
    ),
    "cost reactnet": "unknown design 'reactnet'; did you mean 'reactnet-c'? published designs: ",
    "cost no.yaml": "no.yaml: the file must be readable, but No such file or directory; ",
    "cost run/abcd": (
        "RUN is a name under results/runs or a path, but there is no 'run'; runs there: none"
    ),
}


@pytest.mark.parametrize("arguments", MESSAGES)
def test_a_message_says_rule_value_and_remedy(cli: Cli, arguments: str) -> None:
    result = cli(*arguments.split())
    assert result.status == 2
    assert result.err.startswith(f"error: {MESSAGES[arguments]}"), result.err
    assert result.out == ""
    assert not Path("results").exists()


USAGE = {
    f"{SEARCH} --sampler foo": "Invalid value for '--sampler': 'foo' is not one of",
    f"{SEARCH} --max-time 10x": "a time is a number with s, m, h or d, as in 10m, but got '10x'",
    f"{SEARCH} --foo": "No such option",
    "cost reactnet-a --image-size 0": "0 is not in the range 1<=x<=4096",
    "cost": "Missing argument 'DESIGN'",
    "found": "unknown command 'found'; commands: search, ",
    "front one --json --csv": "the front is printed in one form; drop --json or --csv",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_wrong_usage_is_explained(cli: Cli, arguments: str) -> None:
    result = cli(*arguments.split())
    assert result.status == 2
    assert USAGE[arguments] in " ".join(result.err.split()), result.err


def test_a_space_file_is_corrected_line_by_line(cli: Cli) -> None:
    Path("mine.yaml").write_text(
        "name: mine\n"
        "description: A test\n"
        "skeleton: resnet\n"
        "stages: [{stride: 1}]\n"
        "choices:\n"
        "  width: 16\n"
        "  depth: [1, 2]\n"
        "  activation_estimator: [ste, sign-swish]\n"
    )
    result = cli("search", "--space", "mine.yaml", "--evaluator", "digits")
    assert result.status == 2
    assert result.err.startswith(
        "error: mine.yaml:8: 'choices.activation_estimator[1]' must be 'ste', "
        "'approxsign', 'signswish', "
    ), result.err
    assert "but got 'sign-swish', did you mean 'signswish'?" in result.err


def test_a_name_in_use_is_refused_and_the_run_kept(cli: Cli, quick: list[str]) -> None:
    assert cli("search", *quick, "--trials", 1, "--name", "one").status == 0
    before = Path("results/runs/one/trials.csv").read_text()
    result = cli("search", *quick, "--trials", 1, "--name", "one")
    assert result.status == 2
    assert result.err == (
        "error: a new run needs a new name, but results/runs/one exists; choose another name, or "
        "go on with `bnas resume results/runs/one`\n"
    )
    assert Path("results/runs/one/trials.csv").read_text() == before


@pytest.fixture
def damaged(cli: Cli, quick: list[str]) -> Path:
    """A run to damage."""
    assert cli("search", *quick, "--trials", 1, "--name", "one").status == 0
    return Path("results/runs/one")


@pytest.mark.parametrize("verb", ["status", "front", "plot", "resume"])
def test_a_damaged_study_is_named(cli: Cli, damaged: Path, verb: str) -> None:
    study = damaged / "study.journal"
    lines = study.read_text().splitlines(keepends=True)
    study.write_text("".join([*lines[:3], "not json\n", *lines[3:]]))
    result = cli(verb, "one")
    assert result.status == 2
    assert result.err.startswith(
        f"error: the study {study} must hold lines of JSON as Optuna writes them, but line 4 "
    ), result.err


def test_a_missing_study_is_named(cli: Cli, damaged: Path) -> None:
    (damaged / "study.journal").unlink()
    result = cli("status", "one")
    assert result.status == 2
    assert "study.journal" in result.err


def test_a_damaged_configuration_is_named(cli: Cli, damaged: Path) -> None:
    (damaged / "config.yaml").write_text("space: [\n")
    result = cli("front", "one")
    assert result.status == 2
    assert str(damaged / "config.yaml") in result.err
    assert "restore" in result.err


def test_a_folder_that_is_no_run_is_refused(cli: Cli) -> None:
    Path("results/runs/one").mkdir(parents=True)
    result = cli("front", "one")
    assert result.status == 2
    assert result.err == (
        "error: a run folder holds a config.yaml, but results/runs/one has none; restore it from "
        "a copy, or name another run\n"
    )


def test_two_searches_in_one_folder_are_refused(cli: Cli, damaged: Path) -> None:
    import fcntl

    with (damaged / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = cli("resume", "one", "--trials", 2)
    assert result.status == 2
    assert result.err == (
        "error: one process at a time may search in a run folder, but another one is at work in "
        "results/runs/one; wait for it or stop it\n"
    )


def test_a_full_disk_ends_the_search_and_loses_nothing(tmp_path: Path, quick: list[str]) -> None:
    """A limit on the size of files stands for the full disk: writes fail as they do there."""
    limited = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))\n"
        "from bnas.cli.main import main\n"
        "main()\n"
    )
    arguments = ["search", *quick, "--trials", "40", "--name", "full"]
    result = subprocess.run(
        [sys.executable, "-c", limited, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert os.strerror(errno.EFBIG) in result.stderr
    assert "resume" in result.stderr
    resumed = subprocess.run(
        [sys.executable, "-m", "bnas", "status", "full", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"finished": 0' not in resumed.stdout


def test_a_folder_that_cannot_be_written_is_named(cli: Cli, quick: list[str]) -> None:
    Path("file").write_text("")
    result = cli("search", *quick, "--trials", 1, "--results-dir", "file/runs")
    assert result.status == 2
    assert "file/runs must be writable" in result.err
