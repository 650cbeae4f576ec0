"""One training over several processes: each takes its part of every batch.

Every process runs the same training with the same seed, and so draws the same batches, augmented
and mixed alike. Of each batch a process computes the network on its part alone; the logits are then
put together, so that the loss of the whole batch is the loss everywhere, whatever it is made of.
Its gradients are summed over the processes by DistributedDataParallel, and batch norms take their
statistics from the whole batch. What follows is what one process would do, but for the order in
which numbers are added.

The processes are those of torch.distributed's default group, which whoever starts them has made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from bnas.blocks import BinaryConv2d
from bnas.blocks.eight_bit import EightBitConv2d
from bnas.blocks.unit import EAGER, Unit


def num_processes() -> int:
    """Processes that train the same network; 1 if this one is alone."""
    return distributed.get_world_size() if _is_shared() else 1


def is_first() -> bool:
    """Whether this process is the one that writes files."""
    return not _is_shared() or distributed.get_rank() == 0


def agreed(answer: object) -> Any:
    """What the first process answers, in every process."""
    if not _is_shared():
        return answer
    answers = [answer]
    distributed.broadcast_object_list(answers)
    return answers[0]


@final
class Parallel:
    """Computes the logits of a batch with all processes, in training."""

    def __init__(self) -> None:
        self._form: tuple[int, bool] | None = None
        self._parallel: DistributedDataParallel | None = None

    def __call__(self, model: nn.Module, x_NCHW: Tensor) -> Tensor:
        """Maps the whole batch to the logits (N, K) of the whole batch.

        Args:
            model: The network; its norms are made to share their statistics.
            x_NCHW: The same in every process, with at least one image for each.
        """
        if num_processes() == 1:
            logits_NK: Tensor = model(x_NCHW)
            return logits_NK
        begin, end = _part(len(x_NCHW))
        part_NK: Tensor = self._module(model)(x_NCHW[begin:end])
        # Zeros elsewhere: a sum puts parts of any size together, and adds no rounding.
        padding = (0, 0, begin, len(x_NCHW) - end)
        return _summed(nn.functional.pad(part_NK, padding))

    def _module(self, model: nn.Module) -> DistributedDataParallel:
        """The network as DistributedDataParallel has it, made anew when it took another form."""
        is_binary = all(c.is_binary for c in model.modules() if isinstance(c, BinaryConv2d))
        if self._form != (id(model), is_binary) or self._parallel is None:
            share_statistics(model)
            self._parallel = None  # takes its hooks from the parameters
            self._parallel = DistributedDataParallel(
                model,
                forward_sync_buffers=False,  # they are the same everywhere
                # Learned scales have no part in real weights.
                find_unused_parameters=not is_binary,
            )
            self._form = (id(model), is_binary)
        return self._parallel


def share_statistics(model: nn.Module) -> None:
    """Has norms, and ranges of 8-bit inputs, look at the whole batch.

    Parameters, buffers and their names stay as they are. Units are run uncompiled, as exchanges
    between processes cannot be compiled.
    """
    for module in [*model.modules()]:
        if isinstance(module, Unit):
            module.regions = EAGER
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, SharedNorm.of(child))
            elif isinstance(child, EightBitConv2d):
                child.largest = _largest


@final
class SharedNorm(nn.BatchNorm2d):
    """A batch norm with the statistics of all processes; the same as any in evaluation.

    PyTorch's SyncBatchNorm works on GPUs alone.
    """

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> "SharedNorm":
        """A norm with the parameters and buffers of another one, and not copies of them."""
        shared = cls(norm.num_features, eps=norm.eps, momentum=norm.momentum)
        shared._parameters = norm._parameters  # noqa: SLF001 - its own base class
        shared._buffers = norm._buffers  # noqa: SLF001
        return shared.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """Normalises x (N, C, H, W), N being this process's part of the batch."""
        if not self.training:
            return super().forward(x)
        own = x.new_tensor([x.numel() / x.shape[1]])
        sums, count = _summed(torch.cat([x.sum((0, 2, 3)), own])).split([x.shape[1], 1])
        mean_C = sums / count
        centred = x - mean_C[:, None, None]
        variance_C = _summed(centred.square().sum((0, 2, 3))) / count
        self._remember(mean_C.detach(), variance_C.detach() * count / (count - 1))
        factor_C = self.weight * (variance_C + self.eps).rsqrt()
        normed: Tensor = centred * factor_C[:, None, None] + self.bias[:, None, None]
        return normed

    @torch.no_grad()
    def _remember(self, mean_C: Tensor, variance_C: Tensor) -> None:
        assert self.running_mean is not None  # noqa: S101 - ours always track
        assert self.running_var is not None  # noqa: S101
        assert self.num_batches_tracked is not None  # noqa: S101
        assert self.momentum is not None  # noqa: S101
        self.running_mean.lerp_(mean_C, self.momentum)
        self.running_var.lerp_(variance_C, self.momentum)
        self.num_batches_tracked.add_(1)


@contextmanager
def sharing(teacher: nn.Module | None) -> Iterator[None]:
    """Has a teacher, too, compute only its part in each process."""
    if teacher is None or num_processes() == 1:
        yield
        return
    sizes: list[int] = []

    def take_part(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        sizes.append(len(inputs[0]))
        begin, end = _part(sizes[-1])
        return (inputs[0][begin:end],)

    def put_together(_: nn.Module, __: object, part_NK: Tensor) -> Tensor:
        size = sizes.pop()
        begin, end = _part(size)
        return _summed(nn.functional.pad(part_NK, (0, 0, begin, size - end)))

    hooks = (
        teacher.register_forward_pre_hook(take_part),
        teacher.register_forward_hook(put_together),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _is_shared() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _part(size: int) -> tuple[int, int]:
    """Begin and end of this process's part of a batch; parts differ by at most one image."""
    rank, number = distributed.get_rank(), distributed.get_world_size()
    return size * rank // number, size * (rank + 1) // number


def _largest(x: Tensor) -> Tensor:
    largest = x.abs().amax()
    distributed.all_reduce(largest, distributed.ReduceOp.MAX)
    return largest


def _summed(x: Tensor) -> Tensor:
    """The sum over the processes, with its gradient: the loss of each depends on all of them."""
    result: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return result


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        result = x.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(result)
        return result

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        del ctx
        return _Sum.forward(None, grad_output)
