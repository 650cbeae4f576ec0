"""The state of a training on disk: written as a whole or not at all, checked when it is read."""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any, Final

import torch

from bnas.files import replace
from bnas.training.loop import Training, enter
from bnas.training.recipe import Phase

_DIGEST_BYTES: Final = hashlib.sha256().digest_size


def state(training: Training) -> dict[str, Any]:
    """Everything that changes while a network is trained; complete between two epochs."""
    return {
        "model": training.model.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "generator": training.generator.get_state(),
        "epoch": training.epoch,
        "phase": training.phase.model_dump(mode="json"),
        "average": None if training.average is None else training.average.state_dict(),
        "teacher": training.teacher,
    }


def restore(training: Training, saved: dict[str, Any]) -> None:
    """Puts a freshly begun training of the same network and recipe where `state` was taken.

    What follows is the same to the last bit on a CPU: tensors keep the order of their memory,
    which the optimizer's fused steps rely on.
    """
    phase = Phase.model_validate(saved["phase"])
    if phase != training.phase:
        enter(training, phase)
    training.model.load_state_dict(saved["model"])
    training.optimizer.load_state_dict(saved["optimizer"])
    training.generator.set_state(saved["generator"])
    training.epoch = saved["epoch"]
    if training.average is not None:
        training.average.load_state_dict(saved["average"])
    training.teacher = saved["teacher"]


def write(path: Path, value: dict[str, Any]) -> None:
    """Replaces a file by tensors and plain values, after a checksum of them.

    Raises:
        OSError: The disk is full or the folder cannot be written; the old file is kept.
    """
    content = io.BytesIO()
    torch.save(value, content)
    digest = hashlib.sha256(content.getbuffer()).digest()
    replace(path, digest, content.getbuffer(), durable=True)


def read(path: Path) -> dict[str, Any] | None:
    """Reads what `write` wrote, onto the CPU; None if the file is damaged.

    Nothing but tensors and plain values is ever loaded.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    content = path.read_bytes()
    digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    try:
        value: dict[str, Any] = torch.load(
            io.BytesIO(payload), map_location="cpu", weights_only=True
        )
    except (pickle.UnpicklingError, RuntimeError):  # written by a PyTorch that this one cannot read
        return None
    return value
