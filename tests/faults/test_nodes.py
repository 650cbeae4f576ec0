"""A cluster of two nodes, one of which is lost while both are at work."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bnas.runs.run import open_run
from tests.faults.processes import Command, kill, session, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# What the documentation says to set on every machine of a cluster.
CLUSTER = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture
def network() -> Iterator[list[str]]:
    """Begins a command in a network of its own, as only root may: Ray binds all interfaces."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("a network of its own needs root, util-linux and iproute2")
    up = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"]
    with subprocess.Popen(up, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != "up\n":
            pytest.skip("a network of its own cannot be made here")
        yield ["nsenter", "--net", "--target", str(holder.pid)]
        holder.kill()


@pytest.fixture
def start_node(
    network: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., int]]:
    """Starts a node of a cluster with one CPU, and gives the session of its processes."""
    for name, value in {**CLUSTER, "RAY_AUTH_TOKEN": secrets.token_hex(32)}.items():
        monkeypatch.setenv(name, value)
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> int:
        log = tmp_path / f"node-{len(started)}.log"
        ray = [str(Path(sys.executable).parent / "ray"), "start", *options, "--num-cpus=1"]
        with log.open("w") as file:
            command = [*network, *ray, "--block"]
            started.append(
                subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
            )
        wait_for(lambda: "runtime started" in log.read_text(), "the start of a node")
        return started[-1].pid

    yield start
    for node in started:
        end(node.pid)
        node.wait()


def end(leader: int) -> None:
    """Ends a node as a power failure does."""
    for process in session(leader):
        kill(process)


def test_the_trials_of_a_lost_node_go_on_elsewhere(  # noqa: PLR0917 (fixtures)
    network: list[str],
    start_node: Callable[..., int],
    arguments: list[str],
    run: Path,
    tmp_path: Path,
    undisturbed: dict[str, tuple[float, float]],
) -> None:
    # A socket's path has at most 107 bytes, so Ray's files cannot lie with those of the test.
    start_node("--head", "--port=6379", "--include-dashboard=false")
    second = start_node("--address=127.0.0.1:6379")
    cluster = ["--address", "127.0.0.1:6379", "--workers", "2", "--trials", "8"]
    with Command([*arguments, *cluster], tmp_path, prefix=network) as command:
        wait_for(lambda: len(list(run.glob("checkpoints/*/state.pt"))) == 2, "work on both nodes")
        end(second)
        status, out, err = command.ended(200)
    # Ray's own core may say on the terminal that a node is gone.
    assert status == 0, (out, err)
    assert "Traceback" not in err
    trials = open_run(run).trials
    found = {
        record.digest: (record.evaluation.accuracy, record.evaluation.loss)
        for record in trials
        if record.outcome == "finished" and record.evaluation is not None
    }
    assert found == undisturbed
    assert not (run / "checkpoints").exists()
