"""Puts an `Acceleration` in force: number types, compiled regions, the plain form."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import torch
from torch import nn

from bnas import kernels
from bnas.blocks.convolution import BinaryConv2d
from bnas.blocks.native import is_native, native
from bnas.blocks.unit import EAGER, Regions, Unit
from bnas.estimators import ScheduledEstimator
from bnas.estimators.plain import plain_gradients
from bnas.kernels import KernelsUnavailable
from bnas.training.acceleration import Acceleration

# Kinds of units, times a few for sizes; beyond it, units are run as they are.
_MOST_FORMS: Final = 256


@contextmanager
def accelerated(
    model: nn.Module, settings: Acceleration, *, operations: float, device: str = "cpu"
) -> Iterator["InForce"]:
    """Trains faster inside; the network keeps its number types and regions.

    Args:
        model: The network, or several; one that is made from it later, by copying or decoupling,
            is as fast.
        settings: How.
        operations: See `Acceleration.compiles`.
        device: Where the network lies.

    Yields:
        What became of it.
    """
    units = [module for module in model.modules() if isinstance(module, Unit)]
    wants_kernels = device == "cpu" and settings.uses_kernels(operations)
    problem = _missing_kernels() if wants_kernels else None
    has_kernels = wants_kernels and problem is None
    found = Compilation()
    if settings.compiles(operations) and not (has_kernels and all(map(is_native, units))):
        found = _compilation(device)
    precision = torch.bfloat16 if settings.precision == "bfloat16" else None
    for unit in units:
        unit.precision = precision if _is_binary(unit) else None
        unit.regions = _regions(unit, found)
        if has_kernels:
            unit.regions = native(unit.regions)
    with ExitStack() as stack:
        if settings.plain:
            stack.enter_context(plain_gradients())
        if found.regions is not EAGER:
            stack.enter_context(_configured())
        yield InForce(compilation=found, without_kernels=problem)


def _missing_kernels() -> str | None:
    """Why there are none; None where they are loaded."""
    try:
        kernels.load()
    except KernelsUnavailable as error:
        return f"units are trained without C++ kernels: {error}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What became of the settings.

    Attributes:
        compilation: Of the units that have no kernels.
        without_kernels: Why there are none though they were wanted; None while all is well.
    """

    compilation: "Compilation"
    without_kernels: str | None

    @property
    def problem(self) -> str | None:
        """Why units are not run as fast as was wanted; None while all is well."""
        return "; ".join(filter(None, (self.without_kernels, self.compilation.problem))) or None


@dataclass(slots=True)
class Compilation:
    """Head and tail of units in a compiled form, for all networks of this process.

    Attributes:
        regions: What runs them.
        problem: Why they are run as they are after all; None while all is well.
    """

    regions: Regions = EAGER
    problem: str | None = None


@cache
def _compilation(device: str) -> Compilation:
    """The compiled regions of this process.

    On a GPU, kernels are launched as recorded graphs, each for sizes of its own.
    """
    if device == "cuda":
        return compilation(dynamic=None, mode="reduce-overhead")
    return compilation(dynamic=True)


def compilation(**options: Any) -> Compilation:
    """Regions that are compiled when they are first run.

    They are functions of a unit, so that units which differ in size alone share one form: a new
    width or depth costs nothing. What cannot be compiled is run as it is.

    Args:
        options: Of `torch.compile`.
    """
    found = Compilation()
    head = _compiled(Unit.head, found, options)
    found.regions = Regions(
        head=lambda unit, x: (*head(unit, x), x), tail=_compiled(Unit.tail, found, options)
    )
    return found


def _compiled(
    function: Callable[..., Any], owner: Compilation, options: dict[str, Any]
) -> Callable[..., Any]:
    # Takes a second to import.
    from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

    compiled: Callable[..., Any] = torch.compile(  # type: ignore[call-overload]
        function, fullgraph=True, recompile_limit=_MOST_FORMS, isolate_recompiles=True, **options
    )

    def run(*operands: Any) -> Any:
        if owner.problem is None:
            try:
                return compiled(*operands)
            except (FailOnRecompileLimitHit, TorchDynamoException) as error:
                reason = " ".join(str(error).split("\n")[:2]).strip()
                owner.problem = f"units are trained without compilation, which failed: {reason}"
        return function(*operands)

    return run


def _regions(unit: Unit, found: Compilation) -> Regions:
    """Without the head where there is none, or where it would be compiled anew in every step."""
    compiled = found.regions
    if any(isinstance(part, ScheduledEstimator) and part.is_constant for part in unit.children()):
        return compiled
    return Regions(head=EAGER.head, tail=compiled.tail)


def _is_binary(unit: Unit) -> bool:
    return any(isinstance(part, BinaryConv2d) for part in unit.children())


@contextmanager
def _configured() -> Iterator[None]:
    import torch._dynamo.config as dynamo
    import torch._inductor.config as inductor

    from bnas.training.masks import RecomputeMasks

    with (
        # Otherwise every width is compiled anew; numbers other than sizes are constants.
        dynamo.patch(
            force_parameter_static_shapes=False,
            force_nn_module_property_static_shapes=False,
            specialize_float=True,
        ),
        # Others compile beside this process, and pools of processes outlive it.
        inductor.patch(compile_threads=1, joint_custom_pre_pass=RecomputeMasks()),
    ):
        yield
