"""What a retraining has come to, read from its folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from bnas.architecture import Design, load_design, to_dict
from bnas.cost import Totals, ledger
from bnas.errors import RunError
from bnas.runs.fidelity.correlation import Correlation, estimate, kendall
from bnas.runs.folder import RunFolder
from bnas.runs.repeats import LEVEL, Estimate, Repetition, estimates, read_repetitions
from bnas.runs.retraining.configuration import (
    RetrainConfiguration,
    RetrainedDesign,
    load_retrain_configuration,
)
from bnas.runs.retraining.evaluator import folder_name
from bnas.search.front import front
from bnas.search.objectives import ObjectiveName
from bnas.search.port import Evaluation
from bnas.search.trials import TrialRecord

# Diverging is the design's and the seed's own; what else goes wrong may go well the next time.
_LASTING: Final = "EvaluationFailed:"
OBJECTIVES: tuple[ObjectiveName, ...] = ("accuracy", "ops")


def is_final(one: Repetition) -> bool:
    """Whether a training is not made again: it has a score, or diverged."""
    return one.error is None or one.error.startswith(_LASTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """One design of a retraining.

    Attributes:
        entry: What it is called, and its proxy score.
        costs: On images of the data.
        estimate: Test accuracies over seeds; None while there is none.
        errors: Why seeds have no score.
        networks: Folders of its trained networks, in the order of the seeds.
        on_front: Whether no other retrained design dominates it.
    """

    entry: RetrainedDesign
    costs: Totals
    estimate: Estimate | None
    errors: tuple[str, ...]
    networks: tuple[Path, ...]
    on_front: bool

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of it."""
        found = self.estimate
        unknown = dict.fromkeys(("mean", "low", "high"))
        return {
            **self.entry.model_dump(),
            "on_front": self.on_front,
            "costs": self.costs.as_dict(),
            **(found.as_dict() if found else {"seeds": [], "accuracies": [], **unknown}),
            "level": LEVEL,
            "failed": len(self.errors),
            "errors": list(self.errors),
            "networks": [str(path) for path in self.networks],
        }


class Retraining:
    """One retraining: its configuration and its results."""

    def __init__(self, folder: RunFolder, configuration: RetrainConfiguration) -> None:
        self.folder = folder
        self.configuration = configuration

    @cached_property
    def repetitions(self) -> list[Repetition]:
        """What became of each design and seed, of several attempts the last.

        Raises:
            RunError: The table is damaged.
        """
        found = read_repetitions(self.folder.retrained)
        return list({(one.digest, one.seed): one for one in found}.values())

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Test accuracies over seeds, by digest."""
        return estimates(self.repetitions)

    @property
    def final(self) -> list[Repetition]:
        """What is not trained again."""
        return [one for one in self.repetitions if is_final(one)]

    @property
    def num_wanted(self) -> int:
        """Trainings that were asked for."""
        return len(self.configuration.designs) * len(self.configuration.seeds)

    @property
    def num_failed(self) -> int:
        """Trainings that gave no score."""
        return sum(one.error is not None for one in self.repetitions)

    def design(self, digest: str) -> Design:
        """A design, for the images that it is trained on.

        Raises:
            InvalidArchitecture: Its file is missing or damaged.
        """
        return load_design(self.folder.architectures.resolve() / f"{digest}.json")

    @cached_property
    def records(self) -> list[TrialRecord]:
        """The designs as trials, in the order of the configuration; means of accuracy and loss."""
        return [
            self._record(number, entry) for number, entry in enumerate(self.configuration.designs)
        ]

    def front(self) -> list[TrialRecord]:
        """The designs that no other dominates in mean test accuracy and OPs, cheapest first."""
        chance = 1 / self.design(self.configuration.designs[0].digest).num_classes
        return front(self.records, OBJECTIVES, chance=chance)

    def designs(self) -> list[Retrained]:
        """The designs with their results, cheapest first."""
        on_front = {record.digest for record in self.front()}
        entries = {entry.digest: entry for entry in self.configuration.designs}
        found = [
            Retrained(
                entry=entries[record.digest],
                costs=record.costs,
                estimate=self.estimates.get(record.digest),
                errors=self._errors(record.digest),
                networks=self._networks(record.digest),
                on_front=record.digest in on_front,
            )
            for record in self.records
        ]
        return sorted(found, key=lambda one: one.costs.ops)

    def agreement(self) -> Correlation:
        """Kendall's tau of proxy scores and mean test accuracies, over designs that have both."""
        pairs = [
            (one.entry.proxy, one.estimate.mean)
            for one in self.designs()
            if one.entry.proxy is not None and one.estimate is not None
        ]
        return estimate(kendall, [proxy for proxy, _ in pairs], [final for _, final in pairs])

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `bnas retrain --json` and `retrained.json`."""
        return {
            "run": self.configuration.run,
            "evaluator": self.configuration.evaluator.name,
            "epochs": self.configuration.evaluator.epochs,
            "data": self.configuration.evaluator.data,
            "proxy": self.configuration.proxy,
            "kendall_tau": self.agreement().as_dict(),
            "designs": [one.as_dict() for one in self.designs()],
        }

    def _record(self, number: int, entry: RetrainedDesign) -> TrialRecord:
        design, found = self.design(entry.digest), self.estimates.get(entry.digest)
        return TrialRecord(
            number=number,
            digest=entry.digest,
            choices={},
            architecture=to_dict(design.architecture),
            costs=_costs(design),
            outcome="running" if found is None else "finished",
            evaluation=None if found is None else _mean(found),
            candidate=entry.name if entry.published else None,
        )

    def _errors(self, digest: str) -> tuple[str, ...]:
        found = (one for one in self.repetitions if one.digest == digest)
        return tuple(f"seed {one.seed}: {one.error}" for one in found if one.error is not None)

    def _networks(self, digest: str) -> tuple[Path, ...]:
        seeds = self.estimates[digest].seeds if digest in self.estimates else ()
        return tuple(self.folder.networks / folder_name(digest, seed) for seed in seeds)


def _costs(design: Design) -> Totals:
    return ledger(
        design.architecture,
        image_size=design.image_size,
        num_classes=design.num_classes,
        in_channels=design.in_channels,
    ).totals


def _mean(found: Estimate) -> Evaluation:
    number = len(found.evaluations)
    return Evaluation(
        accuracy=found.mean,
        loss=sum(one.loss for one in found.evaluations) / number,
        epochs=found.evaluations[0].epochs,
        seconds=sum(one.seconds for one in found.evaluations) / number,
    )


def open_retraining(folder: RunFolder) -> Retraining:
    """Opens the folder of a retraining.

    Raises:
        RunError: It is not one, or its configuration is damaged.
    """
    if not folder.is_retraining:
        raise RunError(
            f"a retraining's folder holds a {folder.retrained.name}, but {folder.path} has none; "
            "name a run of `bnas retrain`"
        )
    return Retraining(folder, load_retrain_configuration(folder.config))
