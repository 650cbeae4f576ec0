"""The table from an architecture's tag to the estimator that it means."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Literal, TypeAlias

from bnas.errors import InvalidConfiguration
from bnas.estimators import schedules, surrogates
from bnas.estimators.estimator import Estimator, ReCU, ScheduledEstimator
from bnas.estimators.schedules import Schedule
from bnas.estimators.sign import Surrogate, binary_step, ternary_step

Operand: TypeAlias = Literal["activations", "weights"]
Beta: TypeAlias = float | Literal["learnable"]

LEARNABLE_BETA_START = 5.0

_Factory: TypeAlias = Callable[[str, Operand, Beta | None], Estimator]


def make(tag: str, operand: Operand, beta: Beta | None = None) -> Estimator:
    """A new estimator of sign.

    Args:
        tag: A key of `ESTIMATORS`, or for weights of `WEIGHT_ESTIMATORS`.
        operand: What is to be binarised; some papers treat weights and activations differently.
        beta: Sharpness of SignSwish, a positive number or "learnable" (one scalar an estimator,
            from 5); None for every other tag.

    Raises:
        InvalidConfiguration: The tag is unknown, or beta is missing, out of place or not positive.
    """
    known = WEIGHT_ESTIMATORS if operand == "weights" else ESTIMATORS
    if tag not in known:
        raise InvalidConfiguration(
            f"an estimator must be one of {', '.join(known)}, but got estimator={tag!r}; "
            "take one of these"
        )
    return known[tag](tag, operand, beta)


def unsigned_activations() -> Estimator:
    """{0, 1}-valued activations: threshold 0.5, gradient 1 on [0, 1] (BinaryDuo, ICLR 2020)."""
    return ScheduledEstimator(_UNIT_INTERVAL, quantizer=binary_step)


def ternary_activations() -> Estimator:
    """{0, 0.5, 1}-valued activations of BinaryDuo's coupled training, gradient 1 on [0, 1]."""
    return ScheduledEstimator(_UNIT_INTERVAL, quantizer=ternary_step)


def _constant(surrogate: Surrogate, **settings: float) -> Schedule:
    return partial(schedules.constant, surrogate=partial(surrogate, **settings))


def _by_operand(activations: Schedule, weights: Schedule) -> _Factory:
    def build(tag: str, operand: Operand, beta: Beta | None) -> Estimator:
        _refuse_beta(tag, beta)
        return ScheduledEstimator({"activations": activations, "weights": weights}[operand])

    return build


def _alike(schedule: Schedule) -> _Factory:
    return _by_operand(schedule, schedule)


def _recu(tag: str, operand: Operand, beta: Beta | None) -> Estimator:
    del operand
    _refuse_beta(tag, beta)
    return ReCU()


def _refuse_beta(tag: str, beta: Beta | None) -> None:
    if beta is not None:
        raise InvalidConfiguration(
            f"beta belongs to the estimator 'signswish', but got beta={beta!r} with "
            f"estimator={tag!r}; leave it out"
        )


def _sign_swish(tag: str, operand: Operand, beta: Beta | None) -> Estimator:
    del operand
    if beta == "learnable":
        learnable = _constant(surrogates.sign_swish)
        return ScheduledEstimator(learnable, sharpness=LEARNABLE_BETA_START)
    if not isinstance(beta, (int, float)) or not 0 < beta < float("inf"):
        raise InvalidConfiguration(
            f"the estimator {tag!r} needs a positive beta, but got beta={beta!r}; "
            "give a number such as 5, or 'learnable'"
        )
    return ScheduledEstimator(_constant(surrogates.sign_swish, beta=beta))


_UNIT_INTERVAL = _constant(surrogates.clipped_identity, low=0.0, high=1.0)

ESTIMATORS: Mapping[str, _Factory] = MappingProxyType(
    {
        "ste": _alike(_constant(surrogates.clipped_identity)),
        "approxsign": _alike(_constant(surrogates.approx_sign)),
        "signswish": _sign_swish,
        "ede": _alike(schedules.ede),
        "rbnn": _by_operand(schedules.rbnn_activations, schedules.rbnn_weights),
        "reste": _alike(schedules.reste),
        "dsq": _alike(schedules.dsq),
        "fda": _alike(schedules.fda),
    }
)

# ReCU is a treatment of weights.
WEIGHT_ESTIMATORS: Mapping[str, _Factory] = MappingProxyType({**ESTIMATORS, "recu": _recu})
