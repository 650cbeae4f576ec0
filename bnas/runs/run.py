"""A finished or unfinished run, read from its folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bnas.architecture import Design
from bnas.errors import InvalidConfiguration, RunError
from bnas.runs import folder as folders
from bnas.runs.configuration import Configuration, load_configuration
from bnas.runs.folder import RESULTS_DIR, RunFolder
from bnas.runs.repeats import Estimate, estimates, read_repetitions, repeated_front
from bnas.search.front import front, front_hypervolume
from bnas.search.objectives import ObjectiveName, direction
from bnas.search.study import Study
from bnas.search.trials import Outcome, TrialRecord, counts
from bnas.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a run stands.

    Attributes:
        counts: Trials by outcome.
        trials: Trials asked for.
        best: For each objective, its best value among the finished trials; empty without any.
        hypervolume: Accuracy times log10 of each cost, between front and reference.
        reference: The worst point that counts, by objective.
    """

    counts: dict[Outcome, int]
    trials: int
    best: dict[ObjectiveName, float]
    hypervolume: float
    reference: dict[ObjectiveName, float]


class Run:
    """One run: its configuration, its trials and its front."""

    def __init__(self, folder: RunFolder, configuration: Configuration) -> None:
        self.folder = folder
        self.configuration = configuration

    @property
    def objectives(self) -> tuple[ObjectiveName, ...]:
        """What was optimised."""
        return self.configuration.search.objectives

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Every choice of the space, the columns of a table of trials."""
        return SearchSpace(self.configuration.space).choice_names

    @cached_property
    def trials(self) -> list[TrialRecord]:
        """Every trial that the study records, in order.

        Raises:
            RunError: The study is missing or damaged.
        """
        return Study.load(self.folder.study).records()

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """What `bnas repeat` has found, by digest; empty while every score is of a single seed.

        Raises:
            RunError: The table of repetitions is damaged.
        """
        return estimates(read_repetitions(self.folder.repeats))

    def front(self) -> list[TrialRecord]:
        """The finished trials that no other dominates and that beat guessing, cheapest first.

        Repeated designs have, and are compared by, their mean accuracy over the new seeds.
        """
        chance = self._reference[0]
        return repeated_front(self.trials, self.estimates, self.objectives, chance=chance)

    def searched_front(self) -> list[TrialRecord]:
        """The front of what the search itself found, one seed each."""
        return front(self.trials, self.objectives, chance=self._reference[0])

    @property
    def _reference(self) -> tuple[float, ...]:
        reference = self.configuration.reference
        if reference is None:
            raise RunError(
                f"a run's configuration has a reference point, but {self.folder.config} has none; "
                "restore it from a copy"
            )
        return reference

    def status(self) -> Status:
        """Counts, best values and hypervolume."""
        reference = self._reference
        finished = [trial for trial in self.trials if trial.outcome == "finished"]
        best: dict[ObjectiveName, float] = {}
        for name in self.objectives if finished else ():
            values = [trial.objectives([name])[name] for trial in finished]
            best[name] = max(values) if direction(name) == "maximize" else min(values)
        return Status(
            counts=counts(self.trials),
            trials=self.configuration.search.trials,
            best=best,
            hypervolume=front_hypervolume(self.trials, self.objectives, reference),
            reference=dict(zip(self.objectives, reference, strict=True)),
        )

    def design(self, digest: str) -> Design:
        """The design of a trial by its digest or a beginning of it that no other shares.

        Raises:
            RunError: No design of the run has this digest, or several have.
        """
        return self.folder.design(digest)


def open_run(run: RunFolder | Path | str, *, results_dir: Path = RESULTS_DIR) -> Run:
    """Opens a run by name under `results_dir`, by path, or by its folder.

    Raises:
        RunError: There is no such run, or its configuration is damaged.
    """
    folder = run if isinstance(run, RunFolder) else folders.find(results_dir, str(run))
    if folder.fidelity.exists():
        raise RunError(
            f"a run of `bnas search` is needed, but {folder.path} is one of `bnas fidelity`; "
            f"`bnas resume {folder.path}` goes on with it and shows what it found"
        )
    if folder.is_retraining:
        raise RunError(
            f"a search is asked for, but {folder.path} is a retraining; see it with `bnas front "
            f"{folder.path}`, or name the search"
        )
    try:
        configuration = load_configuration(folder.config)
    except InvalidConfiguration as error:
        raise RunError(f"{error}; restore {folder.config} from a copy") from None
    return Run(folder, configuration)


def as_dict(status: Status) -> dict[str, Any]:
    """The JSON object of `bnas status --json`."""
    return {
        "counts": dict(status.counts),
        "trials": status.trials,
        "best": dict(status.best),
        "hypervolume": {"value": status.hypervolume, "reference": dict(status.reference)},
    }
