"""The training loop: plain steps over batches, one report an epoch; and the score of a network."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from bnas.blocks.precision import set_weights
from bnas.blocks.regulariser import regularisation
from bnas.data.memory import Examples
from bnas.errors import EvaluationFailed
from bnas.estimators import Estimator
from bnas.training.augmentation import augmented
from bnas.training.averaging import Pairs, averaged, update
from bnas.training.heap import keep_freed_memory
from bnas.training.objective import objective
from bnas.training.optimizers import optimizer
from bnas.training.parallel import Parallel, sharing
from bnas.training.recipe import Phase, Recipe
from bnas.training.schedule import learning_rate
from bnas.training.teaching import checked_teacher, teacher_logits

# On a CPU, memory for larger batches has to be cleared anew for each, see docs/training-speed.md.
_CPU_EVALUATION_BATCH: Final = 128
_GPU_EVALUATION_BATCH: Final = 512


@dataclass(slots=True, kw_only=True)
class Training:
    """Everything that changes while a network is trained; saved after an epoch, it can be resumed.

    Attributes:
        model: channels-last, on the device of the data; another one after decoupling.
        optimizer: over all parameters of the model.
        generator: draws the order of the images and their augmentation; on the CPU.
        phase: the one of the last epoch, or the first.
        epoch: epochs done.
        average: of the weights during this phase, if the recipe keeps one.
        teacher: digest of the teacher's weights, once there is one.
        decouple: from the coupled network to the binary one; None where there is no such network.
        logits: of the network, computed by all processes that train it.
    """

    model: nn.Module
    optimizer: Optimizer
    generator: torch.Generator
    phase: Phase
    epoch: int = 0
    average: nn.Module | None = None
    teacher: str | None = None
    decouple: Callable[[nn.Module], nn.Module] | None = None
    logits: Callable[[nn.Module, Tensor], Tensor] = field(default_factory=Parallel)

    @property
    def network(self) -> nn.Module:
        """What is scored and saved: the average of the weights, or the model as it is."""
        return self.model if self.average is None else self.average

    @property
    def networks(self) -> nn.ModuleList:
        """The model and its average, if it has one."""
        return nn.ModuleList([self.model] if self.average is None else [self.model, self.average])


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


def begin(
    model: nn.Module,
    recipe: Recipe,
    *,
    seed: int,
    device: str = "cpu",
    decouple: Callable[[nn.Module], nn.Module] | None = None,
) -> Training:
    """Prepare a freshly initialised network for training.

    Args:
        model: coupled, where the first phase is.
        recipe: how to train.
        seed: decides the order of the images and their augmentation.
        device: where to train.
        decouple: see `Training`.
    """
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    phase = recipe.phase(0)
    set_weights(model, phase.weights)
    return Training(
        model=model,
        optimizer=optimizer(model, phase.recipe),
        generator=torch.Generator().manual_seed(seed),
        phase=phase,
        average=averaged(model) if phase.recipe.ema else None,
        decouple=decouple,
    )


def enter(training: Training, phase: Phase) -> None:
    """Begin a later phase from the network of the one before, with a new optimizer.

    That network is decoupled if it is coupled and the phase is not; right then it computes what it
    did before. Latent weights become binary if the phase has binary ones, with learned scales as
    they begin. An average of weights becomes the network, and a new one is begun.
    """
    if training.average is not None:
        training.model.load_state_dict(training.average.state_dict())
    if training.phase.coupled and not phase.coupled:
        assert training.decouple is not None  # noqa: S101 - there is none only without coupling
        training.model = training.decouple(training.model)
    set_weights(training.model, phase.weights)
    training.optimizer = optimizer(training.model, phase.recipe)
    training.average = averaged(training.model) if phase.recipe.ema else None
    training.phase = phase


def train(
    training: Training,
    examples: Examples,
    recipe: Recipe,
    *,
    epochs: int,
    teacher: nn.Module | None = None,
) -> Iterator[EpochResult]:
    """Train from `training.epoch` up to `epochs`, yielding after each; stop by not going on.

    Estimators' schedules run over the whole training, those of learning rates over each phase.

    Args:
        training: changed in place; between two epochs it is complete.
        examples: on the device of the model.
        recipe: how to train; that of `begin`.
        epochs: length of the whole training, which phases and schedules are stretched over.
        teacher: on the device of the model, where the recipe has one; it is left in evaluation
            mode.

    Raises:
        EvaluationFailed: a loss became NaN or infinite.
        InvalidConfiguration: the epochs are too few for the phases, the teacher is missing or out
            of place, or not the one that this training began with.
    """
    keep_freed_memory()
    ends = recipe.ends(epochs)
    training.teacher = checked_teacher(recipe, teacher, before=training.teacher)
    while training.epoch < epochs:
        number = bisect_right(ends, training.epoch)
        if number != training.phase.number:
            enter(training, recipe.phase(number))
        first = ends[number - 1] if number else 0
        lengths = _Lengths(whole=epochs, first=first, phase=ends[number] - first)
        with sharing(teacher):
            loss = _train_epoch(training, examples, lengths, teacher)
        training.epoch += 1
        yield EpochResult(epoch=training.epoch, loss=loss)


@torch.no_grad()
def score(model: nn.Module, examples: Examples) -> Score:
    """Score `model` in evaluation mode, which it is left in."""
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=examples.device)
    loss = torch.zeros((), dtype=torch.float64, device=examples.device)
    for x_NCHW, y_N in in_order(examples):
        logits_NK: Tensor = model(x_NCHW)
        correct += (logits_NK.argmax(dim=1) == y_N).sum()
        loss += functional.cross_entropy(logits_NK, y_N, reduction="sum")
    return Score(accuracy=correct.item() / len(examples), loss=loss.item() / len(examples))


def in_order(examples: Examples) -> Iterator[tuple[Tensor, Tensor]]:
    """All images and their classes, in batches of the size that scoring is fast with.

    Yields:
        Images (N, C, H, W), channels-last, and classes (N,).
    """
    keep_freed_memory()
    size = _CPU_EVALUATION_BATCH if examples.device.type == "cpu" else _GPU_EVALUATION_BATCH
    for x_NHWC, y_N in examples.batches(torch.arange(len(examples)).split(size)):
        yield x_NHWC.permute(0, 3, 1, 2), y_N


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


class _Lengths(NamedTuple):
    """Epochs of the whole training, in front of the phase, and of the phase."""

    whole: int
    first: int
    phase: int


def _train_epoch(
    training: Training, examples: Examples, lengths: _Lengths, teacher: nn.Module | None
) -> float:
    """Take one step for each batch of a random order; return the mean loss."""
    training.model.train()
    recipe = training.phase.recipe
    order = torch.randperm(len(examples), generator=training.generator)
    # Equal parts: no small last batch to estimate norms from, and every image once an epoch.
    order_of_batches = order.tensor_split(-(-len(order) // recipe.batch_size))
    num_batches = len(order_of_batches)
    num_steps = lengths.phase * num_batches
    losses = torch.empty(num_batches, device=examples.device)
    # Looked for once an epoch: walking a network takes as long as a part of its step.
    model, average = training.model, training.average
    estimators = [part for part in model.modules() if isinstance(part, Estimator)]
    pairs = None if average is None else Pairs.of(average, model)
    has_penalty = regularisation(model) is not None
    for index, (x_NHWC, y_N) in enumerate(examples.batches(order_of_batches)):
        done = training.epoch * num_batches + index
        for estimator in estimators:
            estimator.set_progress(done / (lengths.whole * num_batches))
        step = done - lengths.first * num_batches
        rate = learning_rate(recipe, step=step, num_steps=num_steps, epochs=lengths.phase)
        for group in training.optimizer.param_groups:
            group["lr"] = rate
        losses[index] = _step(training, x_NHWC, y_N, teacher, has_penalty=has_penalty)
        if pairs is not None:
            update(pairs, decay=recipe.ema, step=step)
    # Looked at once an epoch, not at every step: reading a value makes a GPU wait.
    broken = (~losses.isfinite()).nonzero().flatten().tolist()
    if broken:
        place = f"in epoch {training.epoch + 1}, step {broken[0] + 1} of {num_batches}"
        raise diverged("training", losses[broken[0]].item(), place, recipe)
    return losses.mean().item()


def _step(
    training: Training,
    x_NHWC: Tensor,
    y_N: Tensor,
    teacher: nn.Module | None,
    *,
    has_penalty: bool,
) -> Tensor:
    recipe = training.phase.recipe
    x_NHWC, mixed = augmented(x_NHWC, y_N, recipe, training.generator)
    x_NCHW = x_NHWC.permute(0, 3, 1, 2)
    logits_NK = training.logits(training.model, x_NCHW)
    taught_NK = None if teacher is None else teacher_logits(teacher, x_NCHW)
    loss = objective(logits_NK, y_N, recipe, mixed=mixed, teacher_NK=taught_NK)
    penalty = regularisation(training.model) if has_penalty else None
    training.optimizer.zero_grad(set_to_none=True)
    (loss if penalty is None else loss + penalty).backward()
    if recipe.clip_norm:
        clip_grad_norm_(training.model.parameters(), recipe.clip_norm)
    training.optimizer.step()
    return loss.detach()
