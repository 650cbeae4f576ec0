"""Zero-cost scores as an evaluator file: which, on how many images, over how many seeds."""

from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

ScoreName: TypeAlias = Literal[
    "grad-norm", "naswot", "synflow", "jacobian-covariance", "params", "ops"
]


class ZeroCostDefinition(BaseModel):
    """Settings of zero-cost scores; data and device are those of the evaluator beside them.

    Attributes:
        kind: tells this form of an evaluator file from that of a training.
        name: what it is called in results.
        description: one line for `bnas evaluators`.
        scores: which ones, see `bnas.evaluation.zero_cost.scores`.
        batch_size: training images, drawn by the seed, that a score looks at.
        seeds: initialisations, each with its own images, that a score is the mean of.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["zero-cost"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)
    description: str = Field(pattern=r"^[^\n]+$", max_length=120)
    scores: tuple[ScoreName, ...] = Field(min_length=1)
    batch_size: int = Field(default=64, ge=2, le=4096)
    seeds: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if len(set(self.scores)) < len(self.scores):
            raise ValueError(
                f"scores must differ, but got {', '.join(self.scores)}; name each of them once"
            )
        return self
