"""Measures the training step: speed, its limit, start-up and memory, against the published style.

    OMP_NUM_THREADS=1 GOMP_SPINCOUNT=0 python benchmarks/training_speed.py [--quick]

ResNet-20 of ReActNet's units on images of CIFAR-10's size, batch 128. The baseline is this
project's own plain rewriting in the style of the published code (`baselines/published_style.py`),
which the tests show to have the same gradients. All variants are interleaved: a round takes one
step of each, and ratios are formed within a round. Time is CPU time of the process, so that others
disturb less; the wall-clock rate stands beside it. Printed are medians and quartiles of the rounds.

Weights are binarised once in a step, because a step has one forward pass; what that costs with its
gradient is printed, as the most that doing it less often could save.

Trainings keep the memory that they free (`bnas.training.heap`), which glibc by default gives back;
the published style is measured with its default, and both are measured the other way round too.
Scoring is measured eager, compiled and with kernels, with batches of both kinds of devices, each
with and without that memory.
"""

import argparse
import ctypes
import gc
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
from baselines.published_style import PublishedNetwork
from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture import Architecture, load_design
from bnas.blocks import BinaryConv2d, build
from bnas.cost import ledger
from bnas.training import Acceleration
from bnas.training.heap import M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
from bnas.training.regions import accelerated

BATCH, CLASSES, PIXELS = 128, 10, 32
DESIGN = load_design("resnet20-reactnet").architecture
COMPILED, FASTEST = "regions, bfloat16", "kernels, bfloat16"
SCORED = (512, 128)
WITHOUT_KERNELS = Acceleration(compile="none", kernels=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A way of computing the step."""

    acceleration: Acceleration | None = None
    autocast: bool = False
    keeps_memory: bool = True


def _changed(**settings: object) -> Acceleration:
    return WITHOUT_KERNELS.model_copy(update=settings)


VARIANTS = {
    "published style": Variant(keeps_memory=False),
    "published style, memory kept": Variant(),
    "plain form, channels-last": Variant(acceleration=Acceleration(plain=True)),
    "float32": Variant(acceleration=WITHOUT_KERNELS),
    "bfloat16": Variant(acceleration=_changed(precision="bfloat16")),
    "bfloat16 by autocast": Variant(acceleration=WITHOUT_KERNELS, autocast=True),
    "regions, float32": Variant(acceleration=_changed(compile="regions")),
    COMPILED: Variant(acceleration=_changed(compile="regions", precision="bfloat16")),
    "kernels, float32": Variant(acceleration=_changed(kernels=True)),
    FASTEST: Variant(acceleration=_changed(kernels=True, precision="bfloat16")),
    f"{FASTEST}, memory given back": Variant(
        acceleration=_changed(kernels=True, precision="bfloat16"), keeps_memory=False
    ),
}


class Trainer:
    """A network that takes steps on one random batch."""

    def __init__(
        self, variant: Variant, architecture: Architecture = DESIGN, *, batch: int = BATCH
    ) -> None:
        self.variant = variant
        generator = torch.Generator().manual_seed(0)
        self._images = torch.randn(batch, 3, PIXELS, PIXELS, generator=generator)
        self._labels = torch.randint(CLASSES, (batch,), generator=generator)
        self.network = build(architecture, num_classes=CLASSES).train()
        if variant.acceleration is None:
            state = self.network.state_dict()
            self.network = PublishedNetwork(num_classes=CLASSES)
            self.network.load_state_dict(state)
        fused = {} if variant.acceleration is None else {"fused": True}
        self._optimizer = torch.optim.Adam(self.network.parameters(), **fused)

    def step(self) -> tuple[float, float]:
        """Takes a step; CPU and wall-clock seconds that it took."""
        keep_memory(self.variant.keeps_memory)
        with self._form():
            cpu, wall = time.process_time(), time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.variant.autocast):
                logits = self.network(self._images)
            loss = functional.cross_entropy(logits.float(), self._labels)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._optimizer.step()
            return time.process_time() - cpu, time.perf_counter() - wall

    def score(self, size: int) -> None:
        """Runs the network forward on all images, in batches of so many."""
        self.network.eval()
        with self._form(), torch.no_grad():
            for images in self._images.split(size):
                self.network(images)
        self.network.train()

    def clear(self) -> None:
        """Gives back the gradients."""
        self._optimizer.zero_grad(set_to_none=True)

    @contextmanager
    def _form(self) -> Iterator[None]:
        if self.variant.acceleration is None:
            yield
            return
        with accelerated(self.network, self.variant.acceleration, operations=math.inf) as state:
            yield
        if state.problem is not None:
            sys.exit(state.problem)


def main() -> None:
    """Prints everything, for one thread and for two."""
    options = _options()
    if options.alone:
        print(ALONE[options.alone](options.variant))
        return
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{processor()}, {os.cpu_count()} CPUs, torch {torch.__version__}; load {load}\n")
    rounds = options.rounds or (3 if options.quick else 15)
    for threads in (1,) if options.quick else (1, 2):
        torch.set_num_threads(threads)
        speeds(threads, rounds)
    torch.set_num_threads(1)
    print(f"{alone('scoring', FASTEST)}\n", flush=True)
    start_up(cold=not options.quick)
    memory(("published style", "float32", FASTEST) if options.quick else tuple(VARIANTS))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three rounds, one thread")
    parser.add_argument("--rounds", type=int)
    # What this script runs in processes of their own.
    parser.add_argument("--alone", choices=tuple(ALONE), help=argparse.SUPPRESS)
    parser.add_argument("--variant", default=FASTEST, help=argparse.SUPPRESS)
    return parser.parse_args()


def speeds(threads: int, rounds: int) -> None:
    """Prints the table of variants, the limit that convolutions set, and what weights cost."""
    trainers = {name: Trainer(variant) for name, variant in VARIANTS.items()}
    works: dict[str, Callable[[], tuple[float, float]]] = {
        name: trainer.step for name, trainer in trainers.items()
    }
    shapes = convolutions(trainers["float32"].network)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        works[f"convolutions alone, {name}"] = only_convolutions(shapes, dtype)
    works["binarising weights"] = only_weights(trainers["float32"].network)
    for work in works.values():  # compiles, and lets the optimizers make their state
        work()
        work()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(work())
    print(f"{threads} thread(s), {rounds} rounds, batch {BATCH}\n")
    print("| step | CPU ms | images/CPU-s | times the baseline | images/s (wall) |")
    print("|---|---|---|---|---|")
    for name, times in taken.items():
        print(row(name, times, taken["published style"]))
    print(f"\n{limits(taken)}\n", flush=True)


def row(name: str, times: list[tuple[float, float]], base: list[tuple[float, float]]) -> str:
    """A line of the table."""
    cpu = median(cpu for cpu, _ in times)
    ratios = [before / after for (before, _), (after, _) in zip(base, times, strict=True)]
    low, _, high = quantiles(ratios, n=4)
    wall = BATCH / median(wall for _, wall in times)
    return (
        f"| {name} | {cpu * 1e3:.0f} | {BATCH / cpu:.0f} | "
        f"{median(ratios):.2f} ({low:.2f} to {high:.2f}) | {wall:.0f} |"
    )


def limits(taken: dict[str, list[tuple[float, float]]]) -> str:
    """What share of a step convolutions are."""
    middle = {name: median(cpu for cpu, _ in times) for name, times in taken.items()}
    shares = [
        f"{name}: {middle['convolutions alone, ' + name.rpartition(' ')[2]] / middle[name]:.0%}"
        for name in ("float32", "bfloat16", "regions, float32", COMPILED, FASTEST)
    ]
    return "Share of the convolutions, which is how near a step is to its limit: " + "; ".join(
        shares
    )


def scoring(name: str) -> str:
    """What an image costs that is only scored, in a process whose heap no training has shaped."""
    names = ("bfloat16", COMPILED, name)
    forms = {form: Trainer(VARIANTS[form], batch=2 * max(SCORED)) for form in names}
    settings = [(form, size, kept) for form in forms for size in SCORED for kept in (False, True)]
    taken: dict[tuple[str, int, bool], list[float]] = {setting: [] for setting in settings}
    for _ in range(7):
        for form, size, kept in settings:
            keep_memory(kept)
            forms[form].score(size)  # what was given back before is not there at first
            began = time.process_time()
            forms[form].score(size)
            taken[form, size, kept].append((time.process_time() - began) / (2 * max(SCORED)))
    lines = ["| scoring | batch | freed memory | CPU ms an image | times the first |"]
    lines += ["|---|---|---|---|---|"]
    for (form, size, kept), times in taken.items():
        ratios = [a / b for a, b in zip(taken[settings[0]], times, strict=True)]
        low, _, high = quantiles(ratios, n=4)
        shown = f"{1e3 * median(times):.2f} | {median(ratios):.2f} ({low:.2f} to {high:.2f})"
        lines.append(f"| {form} | {size} | {'kept' if kept else 'given back'} | {shown} |")
    return "\n".join(lines)


def keep_memory(kept: bool) -> None:  # noqa: FBT001
    """Sets glibc's thresholds: as trainings do, or as glibc itself once it has freed a tensor."""
    largest = 4 * BATCH * DESIGN.stem.width * PIXELS**2 + 4096
    library = ctypes.CDLL(None)
    library.mallopt(M_MMAP_THRESHOLD, 2**25 if kept else largest)
    library.mallopt(M_TRIM_THRESHOLD, 2**30 if kept else 2 * largest)


def convolutions(network: nn.Module) -> list[tuple[nn.Module, torch.Size]]:
    """All convolutions with the shapes of their inputs, in their order."""
    found: list[tuple[nn.Module, torch.Size]] = []
    hooks = [
        module.register_forward_pre_hook(lambda part, given: found.append((part, given[0].shape)))
        for module in network.modules()
        if isinstance(module, BinaryConv2d | nn.Conv2d)
    ]
    with torch.no_grad():
        network(torch.zeros(BATCH, 3, PIXELS, PIXELS))
    for hook in hooks:
        hook.remove()
    return found


def only_convolutions(
    shapes: list[tuple[nn.Module, torch.Size]], dtype: torch.dtype
) -> Callable[[], tuple[float, float]]:
    """Forward and backward passes of the convolutions; real-valued ones in float32."""
    prepared: list[tuple[Tensor, Tensor, nn.Module, Tensor]] = []
    for index, (conv, shape) in enumerate(shapes):
        used = dtype if isinstance(conv, BinaryConv2d) else torch.float32
        x = torch.randn(shape, dtype=used).to(memory_format=torch.channels_last)
        weight = conv.weight.detach().to(used).requires_grad_()
        x.requires_grad_(index > 0)
        prepared.append((x, weight, conv, torch.randn_like(_convolved(x, weight, conv))))

    def work() -> tuple[float, float]:
        cpu, wall = time.process_time(), time.perf_counter()
        for x, weight, conv, gradient in prepared:
            wanted = (x, weight) if x.requires_grad else (weight,)
            torch.autograd.grad(_convolved(x, weight, conv), wanted, gradient)
        return time.process_time() - cpu, time.perf_counter() - wall

    return work


def _convolved(x: Tensor, weight: Tensor, conv: nn.Module) -> Tensor:
    padding = (weight.shape[-1] - 1) // 2
    return functional.conv2d(x, weight, stride=conv.stride, padding=padding, groups=conv.groups)


def only_weights(network: nn.Module) -> Callable[[], tuple[float, float]]:
    """Binary weights and their gradients."""
    convs = [part for part in network.modules() if isinstance(part, BinaryConv2d)]
    gradients = [torch.ones_like(conv.weight) for conv in convs]

    def work() -> tuple[float, float]:
        cpu, wall = time.process_time(), time.perf_counter()
        for conv, gradient in zip(convs, gradients, strict=True):
            binary = conv.scale(conv.estimator(conv.weight), conv.weight)
            torch.autograd.grad(binary, conv.weight, gradient)
        return time.process_time() - cpu, time.perf_counter() - wall

    return work


def start_up(*, cold: bool) -> None:
    """Prints what a first step and score take beyond the later ones, in seconds."""
    print(f"Start-up of {COMPILED}, and what `auto` reckons that it saves:\n\n{new_sizes()}")
    if not cold:
        return
    with tempfile.TemporaryDirectory() as folder:
        for state in ("empty cache", "cache of another process"):
            print(f"* {state}: {alone('first', COMPILED, cache=folder)}", flush=True)
    print(f"* {saving()}\n", flush=True)


def new_sizes() -> str:
    """A new depth and a new width in a process that has compiled others."""
    first(COMPILED)
    lines = []
    for depth, width in ((2, 16), (3, 24), (4, 40), (1, 20)):
        stages = tuple(
            replace(stage, depth=depth, width=width << index)
            for index, stage in enumerate(DESIGN.stages)
        )
        design = replace(DESIGN, stem=replace(DESIGN.stem, width=width), stages=stages)
        lines.append(f"* depth {depth}, width {width}: {first(COMPILED, design)}")
    return "\n".join(lines)


def first(name: str, design: Architecture = DESIGN) -> str:
    """What the first step and score take more than the third, C++ compilers included."""
    trainer = Trainer(VARIANTS[name], design)

    def work() -> tuple[float, float]:
        compilers = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu, wall = time.process_time(), time.perf_counter()
        trainer.step()
        trainer.score(BATCH)
        done = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu -= done.ru_utime + done.ru_stime - compilers.ru_utime - compilers.ru_stime
        return time.process_time() - cpu, time.perf_counter() - wall

    (cpu, wall), _, (later_cpu, later_wall) = work(), work(), work()
    return f"{cpu - later_cpu:.2f} CPU-s, {wall - later_wall:.2f} s"


def first_of_kinds(name: str) -> str:
    """The same for one kind of unit after the other in this process."""
    changes: dict[str, dict[str, Any]] = {
        "ReActNet's units": {},
        "fixed thresholds": {"threshold": "fixed"},
        "PReLU": {"nonlinearity": "prelu"},
        "no non-linearity": {"nonlinearity": "none", "placement": None},
        "clipped identity": {"activation_estimator": "ste"},
    }
    found = []
    for kind, change in changes.items():
        stages = tuple(
            replace(stage, depth=1, unit=replace(stage.unit, **change)) for stage in DESIGN.stages
        )
        found.append(f"{kind} {first(name, replace(DESIGN, stages=stages))}")
    return "; ".join(found)


def saving() -> str:
    """CPU time saved by regions on each element-wise operation of the ledger."""
    operations = ledger(DESIGN, image_size=PIXELS, num_classes=CLASSES).totals.elementwise * BATCH
    pairs = [("float32", "regions, float32"), ("bfloat16", COMPILED)]
    trainers = {name: Trainer(VARIANTS[name]) for pair in pairs for name in pair}
    for trainer in trainers.values():
        trainer.step()
    saved: dict[str, list[float]] = {eager: [] for eager, _ in pairs}
    for _ in range(7):
        for eager, regions in pairs:
            saved[eager].append(trainers[eager].step()[0] - trainers[regions].step()[0])
    return "; ".join(
        f"saved in {name}: {median(values) / operations * 1e9:.2f} ns an operation"
        for name, values in saved.items()
    )


def memory(names: tuple[str, ...]) -> None:
    """Prints the peak memory of a step, each in a process of its own."""
    peaks = {name: float(alone("peak", name)) for name in names}
    print("| step | peak MiB | of the baseline |\n|---|---|---|")
    for name, peak in peaks.items():
        print(f"| {name} | {peak:.0f} | {peak / peaks['published style']:.2f} |")


def peak(name: str) -> str:
    """MiB that the third step takes beyond what the process holds between two steps."""
    trainer = Trainer(VARIANTS[name])
    for _ in range(2):
        trainer.step()
    trainer.clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _memory_kib("VmRSS")
    # Linux: the peak is counted from here.
    Path("/proc/self/clear_refs").write_text("5")
    trainer.step()
    return str((_memory_kib("VmHWM") - before) / 1024)


def _memory_kib(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def alone(kind: str, variant: str, cache: str | None = None) -> str:
    """What this script prints in a process of its own."""
    command = [sys.executable, __file__, "--alone", kind, "--variant", variant]
    added = {} if cache is None else {"TORCHINDUCTOR_CACHE_DIR": cache}
    done = subprocess.run(  # noqa: S603
        command, env=os.environ | added, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def processor() -> str:
    """What /proc calls the processor, with the instructions that matter here."""
    text = Path("/proc/cpuinfo").read_text()
    names = [line.partition(": ")[2] for line in text.splitlines() if line[:10] == "model name"]
    flags = [flag for flag in ("avx512f", "avx512_bf16", "amx_bf16") if f" {flag} " in text]
    return f"{names[0] if names else platform.machine()} ({', '.join(flags)})"


ALONE: dict[str, Callable[[str], str]] = {
    "first": first_of_kinds,
    "peak": peak,
    "scoring": scoring,
}


if __name__ == "__main__":
    main()
