"""Modules that quantise with an estimated gradient and know its course over training."""

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor, nn

from bnas.errors import InvalidConfiguration
from bnas.estimators import schedules, surrogates
from bnas.estimators.schedules import Schedule
from bnas.estimators.sign import Quantizer, Surrogate, quantize, sign


class Estimator(nn.Module, ABC):
    """A quantiser whose gradient estimate may depend on the progress of training.

    The state of a schedule is not in `state_dict`: whoever trains tells the progress.
    """

    @abstractmethod
    def set_progress(self, progress: float) -> None:
        """Moves the schedule to `progress`, the finished share of training in [0, 1].

        Raises:
            InvalidConfiguration: `progress` lies outside.
        """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Quantised values of x's shape and type."""


@final
class ScheduledEstimator(Estimator):
    """A quantiser with the surrogate that its schedule puts in force.

    Args:
        schedule: Progress to surrogate.
        quantizer: The exact forward function.
        sharpness: Start value of the surrogate's learnable parameter b > 0 (see `quantize`), kept
            as its logarithm so that no optimiser step makes it negative. None: nothing to learn.
    """

    log_sharpness: nn.Parameter | None

    def __init__(
        self, schedule: Schedule, *, quantizer: Quantizer = sign, sharpness: float | None = None
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self._quantizer = quantizer
        self._surrogate = schedule(0.0)
        start = None if sharpness is None else nn.Parameter(torch.tensor(math.log(sharpness)))
        self.register_parameter("log_sharpness", start)

    def set_progress(self, progress: float) -> None:
        """See `Estimator.set_progress`."""
        self._surrogate = self._schedule(_checked(progress))

    @property
    def quantizer(self) -> Quantizer:
        """The exact forward function."""
        return self._quantizer

    @property
    def surrogate(self) -> Surrogate:
        """That in force now."""
        return self._surrogate

    @property
    def is_constant(self) -> bool:
        """Whether the surrogate is the same throughout a training."""
        return self._schedule(0.0) is self._schedule(1.0)

    def forward(self, x: Tensor) -> Tensor:
        """See `Estimator.forward`."""
        sharpness = None if self.log_sharpness is None else self.log_sharpness.exp()
        return quantize(x, self._quantizer, self._surrogate, sharpness)


@final
class ReCU(Estimator):
    """Sign of weights after ReCU's revival of dead ones (Xu et al., ICCV 2021).

    Weights (out, in / groups, height, width) are centred per filter and scaled to the standard
    deviation 2 sqrt(2) (that of a Laplace distribution with E|w| = 2, as in the released code),
    then clamped to +-Q with Q = -E|w| ln(2 - 2 tau). The gradient passes the sign unchanged and
    the clamp where it does not bind; Q is a constant to it. tau follows `schedules.recu_tau`.
    A filter of a single weight, which has no deviation, is clamped as it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tau = schedules.recu_tau(0.0)

    def set_progress(self, progress: float) -> None:
        """See `Estimator.set_progress`."""
        self._tau = schedules.recu_tau(_checked(progress))

    def forward(self, x: Tensor) -> Tensor:
        """The signs of the revived weights."""
        return quantize(self.revived(x), sign, surrogates.identity)

    def revived(self, weight: Tensor) -> Tensor:
        """The standardised and clamped weights, whose sign is the binary weight."""
        scaled = weight
        if weight.numel() > len(weight):
            variance, mean = torch.var_mean(weight, tuple(range(1, weight.dim())), keepdim=True)
            scaled = (weight - mean) * (2 * math.sqrt(2) * torch.rsqrt(variance + 1e-5))
        bound = scaled.detach().abs().mean() * -math.log(2 - 2 * self._tau)
        return scaled.clamp(-bound, bound)


def set_progress(module: nn.Module, progress: float) -> None:
    """Tells every estimator inside `module` the finished share of training, in [0, 1].

    Raises:
        InvalidConfiguration: `progress` lies outside.
    """
    _checked(progress)
    for part in module.modules():
        if isinstance(part, Estimator):
            part.set_progress(progress)


def _checked(progress: float) -> float:
    if not 0 <= progress <= 1:
        raise InvalidConfiguration(
            f"progress must lie in [0, 1], but got progress={progress!r}; "
            "pass the finished share of training"
        )
    return progress
