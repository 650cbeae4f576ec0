"""How each surrogate changes over training: functions from progress to the surrogate in force.

Progress p runs from 0 (before the first step) to 1 (after the last). Sources of the formulas are
with the surrogates; here stand the courses of their parameters.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from bnas.estimators import surrogates
from bnas.estimators.sign import Surrogate

Schedule: TypeAlias = Callable[[float], Surrogate]


def constant(progress: float, *, surrogate: Surrogate) -> Surrogate:
    """The same surrogate throughout."""
    del progress
    return surrogate


def ede(progress: float, *, t_min: float = 1e-1, t_max: float = 10.0) -> Surrogate:
    """EDE: t from `t_min` to `t_max` on a logarithmic course (IR-Net; its ResNet-20 has 1e-3)."""
    return partial(surrogates.ede, t=_geometric(progress, t_min, t_max))


def rbnn_activations(progress: float, *, t_min: float = 1e-2, t_max: float = 10.0) -> Surrogate:
    """RBNN for activations: k = 1 and t = max(1, course of the weights' t)."""
    return partial(surrogates.rbnn, t=max(1.0, _geometric(progress, t_min, t_max)), k=1.0)


def rbnn_weights(progress: float, *, t_min: float = 1e-2, t_max: float = 10.0) -> Surrogate:
    """RBNN for weights: t from `t_min` to `t_max` on a logarithmic course, k = max(1 / t, 1)."""
    t = _geometric(progress, t_min, t_max)
    return partial(surrogates.rbnn, t=t, k=max(1 / t, 1.0))


def reste(progress: float, *, o_end: float = 3.0) -> Surrogate:
    """ReSTE: o = 1 + (1 - cos(p pi / 2)) (o_end - 1), as in its released code."""
    return partial(surrogates.reste, o=1 + (1 - math.cos(progress * math.pi / 2)) * (o_end - 1))


def dsq(progress: float, *, a_start: float = 0.5, a_end: float = 0.05) -> Surrogate:
    """DSQ: a from `a_start` to `a_end` on a logarithmic course.

    This course is this project's reading, not the paper's: there `a` is learned beside the
    weights, and its start value is not published. 0.5 starts near the clipped identity (g falls
    from 1.10 at 0 to 0.82 at 1), 0.05 ends near the approximations of the other papers (1.93 and
    0.19).
    """
    return partial(surrogates.dsq, a=_geometric(progress, a_start, a_end))


def fda(progress: float, *, n_start: int = 9, n_end: int = 18) -> Surrogate:
    """FDA: n from `n_start` to `n_end`, in whole steps of equal length (this project's reading)."""
    return partial(surrogates.fda, n=n_start + round(progress * (n_end - n_start)))


def recu_tau(progress: float, *, tau_min: float = 0.85, tau_max: float = 0.99) -> float:
    """ReCU: tau from `tau_min` to `tau_max`, growing as e^p, as in its released code."""
    return tau_min + (tau_max - tau_min) * math.expm1(progress) / math.expm1(1)


def _geometric(progress: float, start: float, end: float) -> float:
    return float(start * (end / start) ** progress)
