"""One proxy against the truth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bnas.runs.fidelity.correlation import estimate, kendall, partial_spearman, spearman
from bnas.runs.fidelity.report import Kind, Proxy

# Something known of each design, by digest.
ByDesign = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What proxies are compared with.

    Attributes:
        truth: Mean accuracy of long trainings.
        ops: Exact costs.
        learns_above: See `bnas.runs.fidelity.report.Truth`.
    """

    truth: ByDesign
    ops: ByDesign
    learns_above: float

    def without(self, runs: Mapping[str, Mapping[int, float]], seed: int) -> "Comparison":
        """The same with the mean over all other seeds for the truth.

        Args:
            runs: Final accuracies by digest and seed.
            seed: Which one to leave out.
        """
        others = {d: [a for s, a in of.items() if s != seed] for d, of in runs.items()}
        truth = {digest: fmean(values) for digest, values in others.items() if values}
        return Comparison(truth=truth, ops=self.ops, learns_above=self.learns_above)

    def proxy(
        self,
        name: str,
        kind: Kind,
        values: ByDesign,
        seconds: Sequence[float],
        *,
        losses: ByDesign | None = None,
        epoch: int | None = None,
        epochs: int | None = None,
    ) -> Proxy:
        """Compares a proxy.

        Args:
            name: See `bnas.runs.fidelity.report.Proxy`, as for `kind`, `epoch` and `epochs`.
            kind: What it is.
            values: Of each design that has one; more is better.
            seconds: Spent on each.
            losses: Of each design, where there are some; less is better.
            epoch: Epochs trained.
            epochs: Of the whole training.
        """
        known = [digest for digest in self.truth if digest in values]
        learners = [digest for digest in known if self.truth[digest] > self.learns_above]
        pair = self._of(self.truth, known), self._of(values, known)
        by_loss = None
        if losses is not None:
            by_loss = estimate(spearman, pair[0], [-losses[digest] for digest in known])
        return Proxy(
            name=name,
            kind=kind,
            epoch=epoch,
            epochs=epochs,
            seconds=fmean(seconds),
            num_failed=len(self.truth) - len(known),
            spearman=estimate(spearman, *pair),
            kendall=estimate(kendall, *pair),
            at_equal_ops=estimate(partial_spearman, *pair, self._of(self.ops, known)),
            learners=estimate(spearman, self._of(self.truth, learners), self._of(values, learners)),
            by_loss=by_loss,
        )

    @staticmethod
    def _of(values: ByDesign, digests: Iterable[str]) -> list[float]:
        return [values[digest] for digest in digests]
