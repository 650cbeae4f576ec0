"""The teacher of a recipe: a twin that is trained first, a trained network, or any module."""

import json
import time
from contextlib import nullcontext, suppress
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from bnas.architecture import Architecture, digest, twin_of
from bnas.data import Facts
from bnas.data.memory import Examples
from bnas.errors import InvalidConfiguration
from bnas.evaluation.definition import EvaluatorDefinition
from bnas.export.loading import load
from bnas.files import alone
from bnas.search.settings import Device
from bnas.training import checkpoints, course
from bnas.training.loop import Training, train
from bnas.training.parallel import agreed, is_first
from bnas.training.teaching import teacher_logits

# One teacher for all seeds of a design, and for all designs with the same twin.
_TWIN_SEED: Final = 0


def teacher_for(
    definition: EvaluatorDefinition,
    architecture: Architecture,
    examples: Examples,
    *,
    facts: Facts,
    device: Device,
    folder: Path | None = None,
    interval_s: float = 60.0,
) -> nn.Module | None:
    """What the recipe of an evaluator has for a teacher, on the device; None where it has none.

    Args:
        definition: Its recipe, and for a twin its epochs and what data they are.
        architecture: The design that is to be taught.
        examples: What a twin is trained on.
        facts: Of the data.
        device: Where to teach.
        folder: Where twins are kept, trained or half trained, under a digest of all that decides
            how they become; None keeps none, and a twin is trained anew every time.
        interval_s: Seconds between two states of a training that are kept.

    Raises:
        InvalidConfiguration: There is no such function, or what it returns is no classifier of
            these images.
        InvalidWeights: The trained network is missing or damaged.
        EvaluationFailed: The training of a twin diverged.
    """
    settings = definition.recipe.teacher
    if settings is None:
        return None
    match settings.kind:
        case "twin":
            path = None
            if folder is not None:
                path = folder / f"{_identity(definition, architecture, facts)}.pt"
            return _twin(
                definition, architecture, examples, facts, device, path=path, interval_s=interval_s
            )
        case "network":
            teacher: nn.Module = load(settings.network).network
        case "function":
            teacher = _made(settings.network)
    teacher = teacher.to(device).eval()
    _check(teacher, settings.network, examples, facts)
    return teacher


def _twin(
    definition: EvaluatorDefinition,
    architecture: Architecture,
    examples: Examples,
    facts: Facts,
    device: Device,
    *,
    path: Path | None,
    interval_s: float,
) -> nn.Module:
    recipe = definition.recipe
    training = course.begin_twin(architecture, recipe, facts=facts, seed=_TWIN_SEED, device=device)
    # Other workers wait for the network, or go on with it where this one is killed. Processes that
    # train together go on from one state, and one of them keeps it.
    with nullcontext() if path is None or not is_first() else alone(path):
        if saved := agreed(_kept(path) if is_first() else None):
            checkpoints.restore(training, saved)
        epochs, last = _epochs(definition), time.monotonic()
        for result in train(training, examples, recipe.of_twin, epochs=epochs):
            if result.epoch == epochs or time.monotonic() - last >= interval_s:
                _keep(path, training)
                last = time.monotonic()
    return training.network.eval()


def _kept(path: Path | None) -> dict[str, Any] | None:
    """What was kept; of a damaged file as little as of none."""
    if path is None:
        return None
    with suppress(OSError):
        return checkpoints.read(path)
    return None


def _keep(path: Path | None, training: Training) -> None:
    """Storage that is full or gone costs what was to be kept, not the training."""
    if path is not None and is_first():
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            checkpoints.write(path, checkpoints.state(training))


def _epochs(definition: EvaluatorDefinition) -> int:
    teacher = definition.recipe.teacher
    return definition.epochs if teacher is None or teacher.epochs is None else teacher.epochs


def _identity(definition: EvaluatorDefinition, architecture: Architecture, facts: Facts) -> str:
    """A name for all trainings of a twin that become the same network."""
    recipe = definition.recipe.of_twin.model_dump(mode="json")
    data = definition.model_dump(
        mode="json", include={"data", "split_seed", "image_size", "subset"}
    )
    twin = [digest(twin_of(architecture)), facts.image_size, facts.in_channels, facts.num_classes]
    text = json.dumps([recipe, data, twin, _epochs(definition), _TWIN_SEED], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:12]


def _made(name: str) -> nn.Module:
    """The module that a function of the user returns."""
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InvalidConfiguration(
            f"the teacher {name!r} must be a function that Python can import, but {error}; put its "
            "folder on PYTHONPATH, or correct the name"
        ) from None
    teacher = found()
    if not isinstance(teacher, nn.Module):
        raise InvalidConfiguration(
            f"the teacher's function {name!r} must return a torch module, but returned "
            f"{type(teacher).__name__}; return a module in place of it"
        )
    return teacher


def _check(teacher: nn.Module, name: str, examples: Examples, facts: Facts) -> None:
    """Asks the teacher about two images."""
    ((x_NHWC, _),) = examples.batches([torch.arange(2)])
    expected = (2, facts.num_classes)
    try:
        shape = tuple(teacher_logits(teacher, x_NHWC.permute(0, 3, 1, 2)).shape)
    except RuntimeError as error:
        raise InvalidConfiguration(
            f"the teacher {name!r} must take images of the shape {_shape(facts)}, but {error}; "
            "take one made for these data"
        ) from None
    if shape != expected:
        raise InvalidConfiguration(
            f"the teacher {name!r} must return logits of the shape {expected} for two images of "
            f"the shape {_shape(facts)}, but returned {shape}; take one made for these data"
        )


def _shape(facts: Facts) -> tuple[int, int, int]:
    return facts.in_channels, facts.image_size, facts.image_size
