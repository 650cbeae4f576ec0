"""What a search opens to others: nothing, unless it is told to use a cluster."""

from pathlib import Path

import pytest

from tests.faults.processes import Command, listening, session, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_only_loopback_is_bound_and_no_dashboard_is_served(
    arguments: list[str], run: Path, tmp_path: Path
) -> None:
    with Command([*arguments, "--workers", "2", "--trials", "8"], tmp_path) as command:
        wait_for(lambda: any(run.glob("checkpoints/*/state.pt")), "a checkpoint")
        sockets = listening(session(command.process.pid))
    assert {address for address, _ in sockets} == {"127.0.0.1"}
    # Where Ray serves its dashboard, and the next ports that it tries.
    assert not {port for _, port in sockets} & set(range(8265, 8275))
