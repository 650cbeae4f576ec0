"""What a measurement of proxies has found, as data."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bnas.runs.fidelity.correlation import Correlation

Kind = Literal["training", "prefix", "score", "baseline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """How a proxy ranks the designs of the sample.

    Attributes:
        name: Of the training or the score.
        kind: "training": another training, up to some epoch. "prefix": the long training, up to
            some epoch, of a seed that is not in the truth that it is compared with. "score": a
            zero-cost score. "baseline": an exact cost.
        epoch: Epochs trained; None where nothing is.
        epochs: Epochs that its schedule is stretched over; None where nothing is trained.
        seconds: Mean for a design.
        num_failed: Designs without a value.
        spearman: Rank correlation with the truth.
        kendall: The same by Kendall's tau-b.
        at_equal_ops: Spearman's partial correlation, given the OPs.
        learners: Spearman's among the designs that learn.
        by_loss: Spearman's of the validation loss, its sign turned; None where there is none.
    """

    name: str
    kind: Kind
    epoch: int | None
    epochs: int | None
    seconds: float
    num_failed: int
    spearman: Correlation
    kendall: Correlation
    at_equal_ops: Correlation
    learners: Correlation
    by_loss: Correlation | None

    def as_dict(self, truth_s: float) -> dict[str, Any]:
        """The JSON object of it."""
        return {"title": self.title, **asdict(self), "ratio": self.seconds / truth_s}

    @property
    def title(self) -> str:
        """What tells it from all others."""
        return self.name if self.epoch is None else f"{self.name}, epoch {self.epoch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The long trainings.

    Attributes:
        epochs: Length.
        seeds: Trainings of each design.
        seconds: Mean for a training.
        num_designs: Designs with an accuracy.
        num_failed: Designs without one.
        learns_above: Accuracy from which on a design counts as one that learns: three standard
            errors above guessing.
        num_unlearned: Designs that do not.
        num_images: Images that validate.
        standard_error: Of one accuracy, from the number of images, root mean square.
        deviation: Of accuracies between seeds, pooled; None for one seed.
        ceiling: Spearman's correlation between single long trainings of different seeds, the mean
            over all pairs of seeds; None for one seed.
    """

    epochs: int
    seeds: int
    seconds: float
    num_designs: int
    num_failed: int
    learns_above: float
    num_unlearned: int
    num_images: int
    standard_error: float
    deviation: float | None
    ceiling: Correlation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is known; `truth` is None before two designs have been trained long.

    Attributes:
        title: Of the measurement, in one line.
        truth: The long trainings.
        proxies: In the order of the plan.
        wanted: Correlation that a recommended proxy has at least.
    """

    title: str
    truth: Truth | None
    proxies: tuple[Proxy, ...]
    wanted: float

    @property
    def recommended(self) -> Proxy | None:
        """The cheapest proxy whose interval lies above what is wanted; a baseline never."""
        return _cheapest(p for p in self._real if _at_least(p.spearman.low, self.wanted))

    @property
    def likely(self) -> Proxy | None:
        """The cheapest whose correlation itself does, which may be luck."""
        return _cheapest(p for p in self._real if _at_least(p.spearman.value, self.wanted))

    @property
    def _real(self) -> list[Proxy]:
        return [proxy for proxy in self.proxies if proxy.kind != "baseline"]

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of it, `fidelity.json`."""
        truth_s = self.truth.seconds if self.truth is not None else math.nan
        recommended, likely = self.recommended, self.likely
        return {
            "title": self.title,
            "truth": None if self.truth is None else asdict(self.truth),
            "proxies": [proxy.as_dict(truth_s) for proxy in self.proxies],
            "wanted": self.wanted,
            "recommended": None if recommended is None else recommended.title,
            "likely": None if likely is None else likely.title,
        }


def _at_least(value: float | None, wanted: float) -> bool:
    return value is not None and value >= wanted


def _cheapest(proxies: Iterable[Proxy]) -> Proxy | None:
    return min(proxies, key=lambda proxy: proxy.seconds, default=None)
