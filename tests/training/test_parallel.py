"""One training over two processes is that of one, but for the order of additions."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bnas.data.memory import SearchData
from bnas.training.parallel import (
    Parallel,
    SharedNorm,
    agreed,
    is_first,
    num_processes,
    share_statistics,
    sharing,
)
from tests.training import together


@pytest.fixture(scope="module")
def images() -> SearchData:
    return together.images()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes come to, the first of them asked."""
    folder, script = tmp_path_factory.mktemp("processes"), Path(together.__file__)
    parts = [
        subprocess.Popen(
            [sys.executable, script, str(rank), "2", folder / "meeting", folder / "result.pt"],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [part.communicate(timeout=100)[1] for part in parts]
    finally:
        for part in parts:
            part.kill()
    assert [part.returncode for part in parts] == [0, 0], "\n".join(errors)
    assert "Warning" not in "".join(errors)
    result: dict[str, Any] = torch.load(folder / "result.pt", weights_only=True)
    return result


@pytest.mark.parametrize("name", together.CASES)
def test_two_processes_train_as_one_does(
    name: str, found: dict[str, Any], images: SearchData
) -> None:
    losses, state = together.trained(together.CASES[name], images)
    their_losses, their_state = found[name]
    assert their_losses == pytest.approx(losses, rel=1e-6)
    assert their_state.keys() == state.keys()
    for key, value in state.items():
        torch.testing.assert_close(their_state[key], value, rtol=1e-8, atol=1e-10, msg=key)


def test_a_process_alone_is_left_alone() -> None:
    model = nn.Linear(3, 2)
    x = torch.ones(4, 3)
    assert (num_processes(), is_first(), agreed("yes")) == (1, True, "yes")
    assert torch.equal(Parallel()(model, x), model(x))
    with sharing(model):
        assert not model._forward_hooks


def test_shared_norms_keep_parameters_buffers_and_names() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sequential(nn.BatchNorm2d(2))).eval()
    state, parameters = model.state_dict(keep_vars=True), list(model.parameters())
    x = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    expected = model(x)
    share_statistics(model)
    assert isinstance(model.get_submodule("1.0"), SharedNorm)
    assert all(one is other for one, other in zip(parameters, model.parameters(), strict=True))
    after = model.state_dict(keep_vars=True)
    assert [*after] == [*state]
    assert all(after[name] is value for name, value in state.items())
    assert torch.equal(model(x), expected)
