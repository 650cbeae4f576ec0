"""What a search is told: its budget, sampler and engine, what is optimised and what is bounded."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bnas.cost import Totals
from bnas.cost.ledger import Cost
from bnas.search.objectives import ACCURACY, ObjectiveName, accuracy_first

EngineName = Literal["ray", "inline"]
SamplerName = Literal["tpe", "gp", "nsga2", "random"]
Device = Literal["cpu", "cuda"]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Band(_Settings):
    """The range of a cost in which candidates are trained, in the unit of the cost."""

    minimum: float | None = Field(default=None, gt=0)
    maximum: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        low, high = self.minimum, self.maximum
        if low is None and high is None:
            raise ValueError("a bound needs a minimum or a maximum, but has none; give one of them")
        if low is not None and high is not None and low > high:
            raise ValueError(
                "minimum <= maximum must hold, "
                f"but got minimum {low:,.12g} and maximum {high:,.12g}; swap them"
            )
        return self

    def violation(self, value: float) -> float:
        """How far a value lies outside, as a share of the limit it breaks; 0 or less inside."""
        below = -1.0 if self.minimum is None else 1 - value / self.minimum
        above = -1.0 if self.maximum is None else value / self.maximum - 1
        return max(below, above)

    def __str__(self) -> str:
        limits = {"at least": self.minimum, "at most": self.maximum}
        return " and ".join(f"{word} {limit:,.12g}" for word, limit in limits.items() if limit)


def _available_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _checked_address(address: str | None) -> str | None:
    if address == "local":
        return None
    if address is not None and not re.fullmatch(r"[^:\s]+:\d{1,5}", address):
        raise ValueError(f"an address must be HOST:PORT, but got {address!r}; add what is missing")
    return address


class SearchSettings(_Settings):
    """Settings of one search; everything here belongs to the resolved configuration of a run.

    Attributes:
        trials: trials to end after; failed and stopped ones count, infeasible ones and duplicates
            do not.
        max_time_s: seconds after which no trial is started and running ones are left for a resume.
        patience: trials without growth of the hypervolume after which the search ends; None goes
            on to `trials`.
        seed: decides every proposal and, in the evaluator, initial weights and the order of data.
        engine: ``ray`` runs `workers` trials at once, ``inline`` one after the other in-process.
        workers: trials at once; by default the available CPUs, with the inline engine 1.
        sampler: what proposes candidates.
        objectives: accuracy and one or two costs.
        bounds: ranges of costs, checked exactly before training.
        device: what a trial trains on.
        address: HOST:PORT of a running Ray cluster; None, or ``local``, starts one on this machine.
        gpus_per_trial: share of a GPU, or number of GPUs, that a trial on cuda takes; None takes as
            large a share as lets all workers run at once.
        checkpoint_s: least seconds between two writes of the state of an unfinished trial, from
            which it is gone on with; None writes none.
    """

    trials: int = Field(default=30, ge=1)
    max_time_s: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    engine: EngineName = "ray"
    workers: int = Field(default=1, ge=1)
    sampler: SamplerName = "tpe"
    objectives: Annotated[tuple[ObjectiveName, ...], AfterValidator(accuracy_first)] = (
        ACCURACY,
        "ops",
    )
    bounds: Mapping[Cost, Band] = Field(default_factory=dict)
    device: Device = "cpu"
    address: Annotated[str | None, AfterValidator(_checked_address)] = None
    gpus_per_trial: float | None = Field(default=None, gt=0)
    checkpoint_s: float | None = Field(default=30.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _one_worker_per_cpu(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("workers") is not None:
            return values
        inline = values.get("engine") == "inline"
        return {**values, "workers": 1 if inline else _available_cpus()}

    def saved(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Plain values that are read as the same settings.

        Args:
            names: of those to save; None saves all.
        """
        values = self.model_dump(
            mode="json", exclude_none=True, include=None if names is None else set(names)
        )
        # Left out, None would be read as the default, which is to write checkpoints.
        return {**values, "checkpoint_s": self.checkpoint_s}

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The objectives without accuracy."""
        return tuple(name for name in self.objectives if name != "accuracy")

    def violations(self, costs: Totals) -> dict[Cost, float]:
        """How far costs lie outside of each bound, as `Band.violation` measures it."""
        return {cost: band.violation(costs.value(cost)) for cost, band in self.bounds.items()}

    @model_validator(mode="after")
    def _inline_is_one_process(self) -> Self:
        if self.engine == "inline" and self.workers != 1:
            raise ValueError(
                f"the inline engine runs one trial at a time, but workers is {self.workers}; "
                "set workers to 1 or choose the ray engine"
            )
        if self.engine == "inline" and self.address is not None:
            raise ValueError(
                f"the inline engine runs in this process, but address is {self.address!r}; "
                "remove the address or choose the ray engine"
            )
        return self
