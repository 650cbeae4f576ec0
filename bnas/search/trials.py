"""Trials as the study records them: one architecture each, with what became of it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from bnas.cost import Totals
from bnas.search.objectives import ACCURACY, ObjectiveName
from bnas.search.port import Evaluation
from bnas.space import Option

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Outcome = Literal["finished", "stopped", "failed", "infeasible", "duplicate", "running"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

# Outcomes that use up one of the trials that the user asked for.
COUNTED: frozenset[Outcome] = frozenset({"finished", "stopped", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One row of a search.

    Attributes:
        number: The trial's number in the study, from 0.
        digest: Digest of the architecture.
        choices: Name and option of every active choice.
        architecture: The architecture as plain values.
        costs: Exact costs, known before training.
        outcome: What became of it; running while nothing is known.
        evaluation: What the evaluator found; of a duplicate, what it found the first time.
        rungs: Accuracy after each epoch at which it was compared with other trials.
        error: Why it failed.
        duplicate_of: Number of the trial that evaluated the same architecture.
        candidate: Name of the published design that it is, if it was proposed as one.
    """

    number: int
    digest: str
    choices: dict[str, Option]
    architecture: dict[str, Any]
    costs: Totals
    outcome: Outcome = "running"
    evaluation: Evaluation | None = None
    error: str | None = None
    duplicate_of: int | None = None
    candidate: str | None = None
    rungs: dict[int, float] = field(default_factory=dict)

    def objectives(self, names: Iterable[ObjectiveName]) -> dict[ObjectiveName, float]:
        """The values of the named objectives; accuracy is left out where there is none."""
        values: dict[ObjectiveName, float] = {
            name: self.costs.value(name) for name in names if name != ACCURACY
        }
        return values if self.evaluation is None else {ACCURACY: self.evaluation.accuracy, **values}

    def proposal_attributes(self) -> dict[str, Any]:
        """What the study keeps of a proposal beside Optuna's own fields, in the order to write it.

        The digest is last: a trial that has one has all the rest, whenever a process was killed.
        """
        return _present(
            {
                "candidate": self.candidate,
                "choices": self.choices,
                "costs": asdict(self.costs),
                "architecture": self.architecture,
                "digest": self.digest,
            }
        )

    def result_attributes(self) -> dict[str, Any]:
        """What the study keeps of a result, in the order to write it; the outcome is last."""
        return _present(
            {
                "duplicate_of": self.duplicate_of,
                "evaluation": None if self.evaluation is None else asdict(self.evaluation),
                "error": self.error,
                "rungs": self.rungs or None,
                "outcome": self.outcome,
            }
        )

    @classmethod
    def of(cls, trial: "FrozenTrial") -> Self | None:
        """Reads a trial back; None if its process died before anything was proposed."""
        kept: Mapping[str, Any] = trial.user_attrs
        if "digest" not in kept:
            return None
        evaluation = kept.get("evaluation")
        return cls(
            number=trial.number,
            digest=kept["digest"],
            choices=kept["choices"],
            architecture=kept["architecture"],
            costs=Totals(**kept["costs"]),
            outcome=kept.get("outcome", "running"),
            evaluation=None if evaluation is None else Evaluation(**evaluation),
            error=kept.get("error"),
            duplicate_of=kept.get("duplicate_of"),
            candidate=kept.get("candidate"),
            # JSON's keys are strings.
            rungs={int(epoch): value for epoch, value in kept.get("rungs", {}).items()},
        )


def _present(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if value is not None}


def counts(records: Iterable[TrialRecord]) -> dict[Outcome, int]:
    """How many trials ended in each way, every outcome listed."""
    found = dict.fromkeys(OUTCOMES, 0)
    for record in records:
        found[record.outcome] += 1
    return found
