"""Measures what compiling saves on the head and the tail of every kind of unit.

    OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 python benchmarks/region_kinds.py

Of 16 channels at 32x32 in batches of 64, convolved in bfloat16: CPU time of both passes as they are
and compiled, in rounds of one each. Prints the median in ns a real-valued number of the feature
map, and the median ratio within a round with its quartiles; above 1, compiled code is the slower.
"""

import time
from collections.abc import Callable, Iterator
from statistics import median, quantiles
from typing import Any, Final

import torch
from torch import Tensor, nn

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.architecture.canonical import canonical
from bnas.blocks import build
from bnas.blocks.unit import Unit as UnitModule
from bnas.training import Acceleration
from bnas.training.heap import keep_freed_memory
from bnas.training.regions import accelerated

ROUNDS: Final = 15
SHAPE: Final = (64, 16, 32, 32)
EAGER: Final = Acceleration(precision="bfloat16", compile="none", kernels=False)
FAST: Final = Acceleration(precision="bfloat16", compile="regions", kernels=False)


def heads() -> Iterator[dict[str, Any]]:
    """Designs that differ in front of the convolution."""
    for order in ("sign-conv-norm", "norm-sign-conv"):
        for estimator in ("ste", "approxsign", "signswish"):
            for threshold in ("fixed", "learnable"):
                beta = 5.0 if estimator == "signswish" else None
                yield {
                    "order": order,
                    "activation_estimator": estimator,
                    "activation_beta": beta,
                    "threshold": threshold,
                }
    for levels in ("unsigned", "paired"):
        yield {
            "order": "norm-sign-conv",
            "activation_levels": levels,
            "activation_estimator": None,
            "threshold": None,
        }


def tails() -> Iterator[dict[str, Any]]:
    """Designs that differ behind the convolution."""
    for order in ("sign-conv-norm", "norm-sign-conv"):
        yield {"order": order}
        for nonlinearity in ("relu", "hardtanh", "prelu", "rprelu", "prelu2"):
            for placement in ("before-norm", "before-addition", "after-addition"):
                if (order, placement) != ("norm-sign-conv", "before-norm"):
                    yield {"order": order, "nonlinearity": nonlinearity, "placement": placement}


def main() -> None:
    """Prints a row for each kind."""
    torch.set_num_threads(1)
    keep_freed_memory()
    print("| part | kind | as it is, ns | compiled, ns | ratio |\n|---|---|---|---|---|")
    for part, kinds, passes in (("head", heads(), head), ("tail", tails(), tail)):
        for kind in kinds:
            eager, fast = network(kind), network(kind)
            # Compiled when they are first run, which has to be inside.
            with accelerated(eager, EAGER, operations=0.0), accelerated(fast, FAST, operations=0.0):
                row(part, kind, passes(last_unit(eager)), passes(last_unit(fast)))


def network(kind: dict[str, Any]) -> nn.Module:
    """One stage of such units."""
    stage = Stage(depth=1, width=SHAPE[1], unit=Unit(**kind))
    architecture = Architecture(skeleton="resnet", stem=Stem(width=SHAPE[1]), stages=(stage,))
    return build(canonical(architecture), num_classes=10, image_size=SHAPE[2]).train()


def last_unit(model: nn.Module) -> UnitModule:
    """One whose input and output have the same shape."""
    *_, last = (part for part in model.modules() if isinstance(part, UnitModule))
    return last


def head(measured: UnitModule) -> Callable[[], None]:
    """Both passes of a head."""
    x = feature_map()
    gradient = torch.randn_like(measured.regions.head(measured, x)[0])

    def passes() -> None:
        measured.regions.head(measured, x)[0].backward(gradient)
        x.grad = None

    return passes


def tail(measured: UnitModule) -> Callable[[], None]:
    """Both passes of a tail."""
    skip, gradient = feature_map(), feature_map().detach()
    y = feature_map().detach().to(torch.bfloat16).requires_grad_()

    def passes() -> None:
        measured.regions.tail(measured, y, skip).backward(gradient)
        y.grad = skip.grad = None

    return passes


def feature_map() -> Tensor:
    """Channels-last, as in a training."""
    values = torch.randn(SHAPE).contiguous(memory_format=torch.channels_last)
    return values.requires_grad_()


def row(
    part: str, kind: dict[str, Any], eager: Callable[[], None], fast: Callable[[], None]
) -> None:
    """Measures and prints one kind."""
    pairs = []
    for number in range(ROUNDS + 2):
        pair = (cpu_s(eager), cpu_s(fast))
        # The first two compile, and find their memory.
        if number > 1:
            pairs.append(pair)
    count = torch.Size(SHAPE).numel()
    eager_ns, fast_ns = (1e9 * median(times) / count for times in zip(*pairs, strict=True))
    low, middle, high = quantiles([after / before for before, after in pairs], n=4)
    shown = ", ".join(str(value) for value in kind.values() if value is not None)
    print(
        f"| {part} | {shown} | {eager_ns:.1f} | {fast_ns:.1f} "
        f"| {middle:.2f} ({low:.2f} to {high:.2f}) |",
        flush=True,
    )


def cpu_s(passes: Callable[[], None]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    passes()
    return time.process_time() - began


if __name__ == "__main__":
    main()
