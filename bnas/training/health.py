"""Measures how well a binary network trains, between two epochs and without a trace.

Gradients are those that the last step left. Weights are compared with those of the epoch before.
Activations come from one pass over a few fixed images in evaluation mode: no statistic of a norm
moves, no random number is drawn, and the epochs can be compared.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from bnas.blocks import BinaryConv2d
from bnas.blocks.eight_bit import EightBitConv2d
from bnas.blocks.unit import EAGER, Unit
from bnas.data.memory import Examples
from bnas.estimators import Estimator, ReCU
from bnas.training.curve import LayerHealth

# g(x) / g(0) below which a gradient counts as lost. The smooth surrogates never reach zero; at a
# hundredth, a weight needs a hundred steps for what others do in one.
_LOST: Final = 0.01

_Layer: TypeAlias = BinaryConv2d | EightBitConv2d | nn.Conv2d | nn.Linear


class Monitor:
    """Measures a network after each of its epochs.

    Args:
        model: In the state that the first epoch to be measured begins with.
        images_NHWC: What activations are looked at with, see `probe`.
    """

    def __init__(self, model: nn.Module, images_NHWC: Tensor) -> None:
        self._images_NHWC = images_NHWC
        self._before = _copies(model)

    def measure(self, model: nn.Module) -> tuple[LayerHealth, ...]:
        """Every layer's health, in the network's order.

        Args:
            model: The network, or one that took its place: what is compared with the epoch before
                is None in layers that were not there or had another shape. It is left in the mode
                that it was in.
        """
        activations = _activations(model, self._images_NHWC)
        found = [
            activations.get(name) or _weights(name, module, self._before.get(name))
            for name, module in model.named_modules()
            if name in activations or isinstance(module, _Layer)
        ]
        self._before = _copies(model)
        return tuple(found)


def probe(examples: Examples, number: int = 64) -> Tensor:
    """Images (number, H, W, C) from all over a data set, always the same; at most all of it."""
    number = min(number, len(examples))
    ((images_NHWC, _),) = examples.batches([torch.arange(number) * len(examples) // number])
    return images_NHWC


def flips(before: Tensor, after: Tensor) -> float:
    """Share of elements whose binary value is another one."""
    return (before != after).float().mean().item()


def movement(before: Tensor, after: Tensor) -> float:
    """|after - before| / |before| in 2-norms; infinite where everything was zero."""
    moved: float = ((after - before).norm() / before.norm()).item()
    return moved


def lost_gradients(estimator: Estimator, x: Tensor) -> float:
    """Share of x through which no gradient passes: |g(x)| below a hundredth of |g(0)|.

    That is zero for STE, ApproxSign, RBNN, ReSTE and DSQ, up to a rim. For ReCU, whose gradient
    is not one of elements, it is the share that its clamp holds.
    """
    if isinstance(estimator, ReCU):
        revived = estimator.revived(x.detach()).abs()
        return (revived == revived.amax()).float().mean().item()
    slopes = _slopes(estimator, torch.cat([x.flatten(), x.new_zeros(1)])).abs()
    return (slopes[:-1] < _LOST * slopes[-1]).float().mean().item()


def constant_channels(x_NCHW: Tensor) -> float:
    """Share of channels that have one value at every place of every image."""
    values_CN = x_NCHW.transpose(0, 1).flatten(1)
    return (values_CN.amin(1) == values_CN.amax(1)).float().mean().item()


def idle_filters(gradient: Tensor) -> float:
    """Share of filters (out, ...) whose gradient is zero everywhere."""
    return (gradient == 0).flatten(1).all(1).float().mean().item()


def _slopes(estimator: Estimator, x: Tensor) -> Tensor:
    """g(x), asked of the backward pass: what training really multiplies with."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        # Not by calling the module: that would call its hooks, from within one.
        (slopes,) = torch.autograd.grad(estimator.forward(x).sum(), x)
    return slopes


@torch.no_grad()
def _weights(layer: str, module: _Layer, before: Tensor | None) -> LayerHealth:
    weight, gradient = module.weight.detach(), module.weight.grad
    estimator = _estimator(module)
    if before is not None and before.shape != weight.shape:
        before = None
    return LayerHealth(
        layer=layer,
        part="real-weights" if estimator is None else "binary-weights",
        size=weight.numel(),
        flips=_flips(estimator, before, weight),
        movement=None if before is None else movement(before, weight),
        gradient=None if gradient is None else gradient.norm().item(),
        saturated=None if estimator is None else lost_gradients(estimator, weight),
        dead=None if gradient is None else idle_filters(gradient),
    )


def _estimator(module: _Layer) -> Estimator | None:
    """The sign of the weights, where they are binary for the time being."""
    return module.estimator if isinstance(module, BinaryConv2d) and module.is_binary else None


def _flips(estimator: Estimator | None, before: Tensor | None, after: Tensor) -> float | None:
    if estimator is None or before is None:
        return None
    return flips(estimator(before), estimator(after))


def _copies(model: nn.Module) -> dict[str, Tensor]:
    return {
        name: module.weight.detach().clone()
        for name, module in model.named_modules()
        if isinstance(module, _Layer)
    }


@torch.no_grad()
def _activations(model: nn.Module, images_NHWC: Tensor) -> dict[str, LayerHealth]:
    """Health of each binarisation of activations, by its name."""
    found: dict[str, LayerHealth] = {}
    with _evaluating(model), _watching(model, found):
        model(images_NHWC.permute(0, 3, 1, 2))
    return found


@contextmanager
def _watching(model: nn.Module, found: dict[str, LayerHealth]) -> Iterator[None]:
    """Measures the binarisations of activations as they work, with hooks that are removed."""
    of_weights = {m.estimator for m in model.modules() if isinstance(m, BinaryConv2d)}

    def watch(name: str, estimator: Estimator) -> RemovableHandle:
        def measure(_: nn.Module, inputs: tuple[Tensor, ...], output_NCHW: Tensor) -> None:
            # Here and not later: the inputs of all layers together may not fit into memory.
            found[name] = LayerHealth(
                layer=name,
                part="activations",
                size=output_NCHW.shape[1],
                saturated=lost_gradients(estimator, inputs[0]),
                dead=constant_channels(output_NCHW),
            )

        return estimator.register_forward_hook(measure)

    hooks = [
        watch(name, module)
        for name, module in model.named_modules()
        if isinstance(module, Estimator) and module not in of_weights
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """In evaluation mode, and uncompiled: compiled regions call no hooks."""
    was_training = model.training
    compiled = {unit: unit.regions for unit in model.modules() if isinstance(unit, Unit)}
    model.eval()
    for unit in compiled:
        unit.regions = EAGER
    try:
        yield
    finally:
        model.train(was_training)
        for unit, regions in compiled.items():
            unit.regions = regions
