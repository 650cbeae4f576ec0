"""The training loop: plain steps over batches, one report an epoch; and the score of a network."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from bnas.blocks.regulariser import regularisation
from bnas.data.augmentation import random_crop, random_flip
from bnas.data.memory import Examples
from bnas.errors import EvaluationFailed
from bnas.estimators import set_progress
from bnas.training.optimizers import optimizer
from bnas.training.recipe import Recipe
from bnas.training.schedule import learning_rate

_EVALUATION_BATCH: Final = 512


@dataclass(slots=True, kw_only=True)
class Training:
    """Everything that changes while a network is trained; saved after an epoch, it can be resumed.

    Attributes:
        model: channels-last, on the device of the data.
        optimizer: over all parameters of the model.
        generator: draws the order of the images and their augmentation; on the CPU.
        epoch: epochs done.
    """

    model: nn.Module
    optimizer: Optimizer
    generator: torch.Generator
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """What is known after an epoch.

    Attributes:
        epoch: epochs done, from 1.
        loss: mean over the epoch's batches, smoothing and augmentation included.
    """

    epoch: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well a network does on some images.

    Attributes:
        accuracy: in [0, 1].
        loss: mean cross-entropy.
    """

    accuracy: float
    loss: float


def begin(model: nn.Module, recipe: Recipe, *, seed: int, device: str = "cpu") -> Training:
    """Prepare a freshly initialised network for training."""
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(seed)
    return Training(model=model, optimizer=optimizer(model, recipe), generator=generator)


def train(
    training: Training, examples: Examples, recipe: Recipe, *, epochs: int
) -> Iterator[EpochResult]:
    """Train from `training.epoch` up to `epochs`, yielding after each; stop by not going on.

    Args:
        training: changed in place; between two epochs it is complete.
        examples: on the device of the model.
        recipe: how to train.
        epochs: length of the whole training, which the schedules are stretched over.

    Raises:
        EvaluationFailed: a loss became NaN or infinite.
    """
    while training.epoch < epochs:
        loss = _train_epoch(training, examples, recipe, epochs)
        training.epoch += 1
        yield EpochResult(epoch=training.epoch, loss=loss)


@torch.no_grad()
def score(model: nn.Module, examples: Examples) -> Score:
    """Score `model` in evaluation mode, which it is left in."""
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=examples.device)
    loss = torch.zeros((), dtype=torch.float64, device=examples.device)
    for x_NHWC, y_N in examples.batches(torch.arange(len(examples)).split(_EVALUATION_BATCH)):
        logits_NK: Tensor = model(x_NHWC.permute(0, 3, 1, 2))
        correct += (logits_NK.argmax(dim=1) == y_N).sum()
        loss += functional.cross_entropy(logits_NK, y_N, reduction="sum")
    return Score(accuracy=correct.item() / len(examples), loss=loss.item() / len(examples))


def diverged(kind: str, loss: float, place: str, recipe: Recipe) -> EvaluationFailed:
    """The error of a loss that is NaN or infinite.

    Args:
        kind: which loss.
        loss: its value.
        place: when, as "after epoch 3".
        recipe: how the network was trained.
    """
    return EvaluationFailed(
        f"the {kind} loss must stay finite, but is {loss} {place}; "
        f"lower learning_rate (now {recipe.learning_rate:g}) or raise warmup "
        f"(now {recipe.warmup:g})"
    )


def _train_epoch(training: Training, examples: Examples, recipe: Recipe, epochs: int) -> float:
    """Take one step for each batch of a random order; return the mean loss."""
    training.model.train()
    order = torch.randperm(len(examples), generator=training.generator)
    # Equal parts: no small last batch to estimate norms from, and every image once an epoch.
    order_of_batches = order.tensor_split(-(-len(order) // recipe.batch_size))
    num_batches = len(order_of_batches)
    num_steps = epochs * num_batches
    losses = torch.empty(num_batches, device=examples.device)
    for index, (x_NHWC, y_N) in enumerate(examples.batches(order_of_batches)):
        step = training.epoch * num_batches + index
        set_progress(training.model, step / num_steps)
        for group in training.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step=step, num_steps=num_steps)
        losses[index] = _step(training, x_NHWC, y_N, recipe)
    # Looked at once an epoch, not at every step: reading a value makes a GPU wait.
    broken = (~losses.isfinite()).nonzero().flatten().tolist()
    if broken:
        place = f"in epoch {training.epoch + 1}, step {broken[0] + 1} of {num_batches}"
        raise diverged("training", losses[broken[0]].item(), place, recipe)
    return losses.mean().item()


def _step(training: Training, x_NHWC: Tensor, y_N: Tensor, recipe: Recipe) -> Tensor:
    if recipe.crop_padding:
        x_NHWC = random_crop(x_NHWC, recipe.crop_padding, training.generator)
    if recipe.flip:
        x_NHWC = random_flip(x_NHWC, training.generator)
    logits_NK: Tensor = training.model(x_NHWC.permute(0, 3, 1, 2))
    loss = functional.cross_entropy(logits_NK, y_N, label_smoothing=recipe.label_smoothing)
    penalty = regularisation(training.model)
    training.optimizer.zero_grad(set_to_none=True)
    (loss if penalty is None else loss + penalty).backward()
    training.optimizer.step()
    return loss.detach()
