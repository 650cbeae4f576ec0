"""Runs the parts of a unit by the kernels of `bnas.kernels`, where these know them."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor, nn

from bnas import kernels
from bnas.blocks.activations import PReLU, RPReLU, Threshold, TwoSlopePReLU
from bnas.blocks.convolution import BinaryConv2d, conv2d
from bnas.blocks.unit import EAGER, Headed, Regions, Unit
from bnas.estimators import ScheduledEstimator, surrogates
from bnas.estimators.sign import Quantizer, Surrogate, binary_step, sign, ternary_step
from bnas.kernels import Bend, Head, Levels, Norm, Placement, Tail, Tent


def native(otherwise: Regions) -> Regions:
    """Parts of units as kernels, and as `otherwise` runs them where there is none."""
    return Regions(
        head=partial(_head, otherwise),
        tail=partial(_tail, otherwise),
        convolved=_convolved,
        shortcut=_shortcut,
    )


def is_native(unit: Unit) -> bool:
    """Whether there are kernels for all that could be compiled of a unit."""
    has_head = bool(unit.before or unit.binarisation)
    return _tail_form(unit) is not None and (not has_head or _head_form(unit) is not None)


def _head(otherwise: Regions, unit: Unit, x: Tensor) -> Headed:
    form = _head_form(unit) if x.dtype == torch.float32 and kernels.runs(x) else None
    if form is None:
        return otherwise.head(unit, x)
    binary, x = kernels.head(x, form, unit.precision or x.dtype)
    return binary, x if unit.has_attention else None, x


def _tail(otherwise: Regions, unit: Unit, y: Tensor, skip: Tensor | None) -> Tensor:
    fits = skip is None or (skip.shape == y.shape and skip.dtype == torch.float32)
    form = _tail_form(unit) if fits and kernels.runs(y) else None
    return otherwise.tail(unit, y, skip) if form is None else kernels.tail(y, skip, form)


def _convolved(unit: Unit, name: str, x: Tensor) -> Tensor:
    conv = unit.get_submodule(name)
    if not unit.has_signs or not isinstance(conv, BinaryConv2d):
        return EAGER.convolved(unit, name, x)
    y: Tensor = conv(x, _sign_conv2d)
    return y


def _shortcut(unit: Unit, x: Tensor) -> Tensor:
    if not (path := [*unit.get_submodule("shortcut").children()]):
        return x
    *steps, last = path
    for step in steps:
        x = step(x)
    norm = _norm(last)
    if isinstance(norm, Norm) and x.dtype == torch.float32 and kernels.runs(x):
        return kernels.tail(x, None, Tail(norm=norm, bend=None, placement=None))
    y: Tensor = last(x)
    return y


def _sign_conv2d(x: Tensor, weight: Tensor, stride: int, padding: int, groups: int) -> Tensor:
    # A border of ones is there already.
    has_zeros = padding == weight.shape[2] // 2
    if has_zeros and kernels.packs(x, weight, groups):
        return kernels.sign_conv2d(x, weight, stride=stride, groups=groups)
    return conv2d(x, weight, stride, padding, groups)


def _head_form(unit: Unit) -> Head | None:
    parts = {name: unit.get_submodule(name) for name in unit.before + unit.binarisation}
    estimator, threshold = parts.pop("sign", None), parts.pop("threshold", None)
    norm = _norm(parts.pop("norm", None))
    if parts or not isinstance(estimator, ScheduledEstimator):
        return None
    levels, surrogate = _LEVELS.get(estimator.quantizer), _tent(estimator.surrogate)
    # Attention sees what is made signs of, which is not kept behind a norm.
    is_apart = norm is not None and unit.has_attention
    if levels is None or surrogate is None or estimator.log_sharpness is not None or is_apart:
        return None
    if isinstance(norm, nn.Module) or not isinstance(threshold, Threshold | None):
        return None
    weight = None if threshold is None else threshold.weight
    return Head(norm=norm, threshold=weight, levels=levels, surrogate=surrogate)


def _tail_form(unit: Unit) -> Tail | None:
    order = (*unit.behind, "+", *unit.after)
    if order not in _ORDERS:
        return None
    norm = _norm(unit.get_submodule("norm")) if "norm" in order else None
    bend = _bend(unit.get_submodule("nonlinearity")) if "nonlinearity" in order else None
    if isinstance(norm, nn.Module) or isinstance(bend, nn.Module):
        return None
    return Tail(norm=norm, bend=bend, placement=_ORDERS[order])


_ORDERS: Mapping[tuple[str, ...], Placement | None] = MappingProxyType(
    {
        ("+",): None,
        ("norm", "+"): None,
        ("nonlinearity", "norm", "+"): "before-norm",
        ("nonlinearity", "+"): "before-addition",
        ("norm", "nonlinearity", "+"): "before-addition",
        ("+", "nonlinearity"): "after-addition",
        ("norm", "+", "nonlinearity"): "after-addition",
    }
)


def _norm(module: nn.Module | None) -> Norm | nn.Module | None:
    """A norm as kernels take it; the module itself where they cannot."""
    # Norms that look at other processes' images are of a class below it.
    if type(module) is not nn.BatchNorm2d or module.momentum is None:
        return module
    running_mean, running_var = module.running_mean, module.running_var
    if not module.affine or running_mean is None or running_var is None:
        return module
    return Norm(
        weight=module.weight,
        bias=module.bias,
        running_mean=running_mean,
        running_variance=running_var,
        num_batches=module.num_batches_tracked,
        momentum=module.momentum,
        epsilon=module.eps,
        training=module.training,
    )


def _bend(module: nn.Module) -> Bend | nn.Module:
    """A non-linearity as kernels take it; the module itself where they cannot."""
    match module:
        case nn.ReLU():
            return Bend()
        case nn.Hardtanh(min_val=-1.0, max_val=1.0):
            return Bend(clips=True)
        case PReLU():
            return Bend(negative=module.weight)
        case TwoSlopePReLU():
            return Bend(negative=module.negative, positive=module.positive)
        case RPReLU():
            return Bend(
                negative=module.weight, shift_in=module.shift_in, shift_out=module.shift_out
            )
        case _:
            return module


_LEVELS: Mapping[Quantizer, Levels] = MappingProxyType(
    {sign: "signed", binary_step: "unsigned", ternary_step: "ternary"}
)


def _tent(surrogate: Surrogate) -> Tent | None:
    """A surrogate as kernels take it; None where they cannot."""
    bound = surrogate if isinstance(surrogate, partial) else partial(surrogate)
    return _TENTS[bound.func](**bound.keywords) if bound.func in _TENTS else None


def _clipped(low: float = -1.0, high: float = 1.0) -> Tent:
    return Tent(low, high, 1.0, 0.0)


def _rbnn(t: float, k: float) -> Tent:
    return Tent(-math.inf, math.inf, k * math.sqrt(2) * t, k * t * t)


_TENTS: Mapping[Surrogate, Callable[..., Tent]] = MappingProxyType(
    {
        surrogates.identity: lambda: Tent(-math.inf, math.inf, 1.0, 0.0),
        surrogates.clipped_identity: _clipped,
        surrogates.approx_sign: lambda: Tent(-math.inf, math.inf, 2.0, 2.0),
        surrogates.rbnn: _rbnn,
    }
)
