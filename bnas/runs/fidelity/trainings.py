"""All trainings of a measurement, on the engine that its plan names."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from bnas.evaluation import ProxyTraining
from bnas.runs.fidelity.plan import TRUTH, Plan
from bnas.runs.fidelity.table import Measurement, append_measurement
from bnas.runs.folder import RunFolder
from bnas.runs.listed import ListedTrials
from bnas.runs.repeat import Tell
from bnas.runs.search import Constant
from bnas.search.checkpoints import Checkpoints
from bnas.search.engine import run_job
from bnas.search.events import End, EpochEnded, Event
from bnas.search.port import Evaluation, Progress
from bnas.search.stop import Stop
from bnas.search.trials import TrialRecord
from bnas.search.work import Job


class Trainings:
    """Those of a plan, done or still to be made."""

    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        sample: Sequence[TrialRecord],
        done: Collection[tuple[str, str, int]],
        tell: Tell,
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._tell = tell
        self._all = dict(enumerate(_wanted(plan, sample)))
        self._open = {
            number: wanted
            for number, wanted in self._all.items()
            if (wanted[0], wanted[1].digest, wanted[2]) not in done
        }
        self._progress: dict[int, dict[int, Progress]] = {}
        # Of the evaluator that trains: those that have ended, and since when.
        self._num_ended = 0
        self._began = time.monotonic()
        self._kept: Checkpoints | None = None
        if plan.search.checkpoint_s is not None:
            self._kept = Checkpoints(folder.checkpoints, interval_s=plan.search.checkpoint_s)
            self._kept.keep_only(self._open)

    def run(self, evaluators: Mapping[str, ProxyTraining], stop: Stop) -> End:
        """Goes through them, evaluator by evaluator, and says why there are no more."""
        end = End(reason="trials", message=f"all {len(self._all)} trainings are done")
        for name, evaluator in evaluators.items():
            trials = {n: (record, seed) for n, (p, record, seed) in self._open.items() if p == name}
            if not trials:
                continue
            self._num_ended, self._began = 0, time.monotonic()
            end = run_job(
                Job(
                    work=ListedTrials(trials, record=self._record, done=end.message),
                    build=Constant(evaluator),
                    settings=self._plan.search,
                    stop=stop,
                    listener=self._listen,
                    checkpoints=self._kept,
                    threads=evaluator.definition.threads,
                )
            )
            if end.reason != "trials":
                return end
        if self._kept is not None:
            self._kept.close()
        return end

    def _listen(self, event: Event) -> None:
        if isinstance(event, EpochEnded):
            # A trial that goes on from a checkpoint reports its first epochs again.
            self._progress.setdefault(event.number, {})[event.progress.epoch] = event.progress
            if event.progress.note is not None:
                self._tell(event.progress.note)

    def _record(self, number: int, evaluation: Evaluation | None, error: str | None) -> None:
        name, record, seed = self._open.pop(number)
        progress = tuple(self._progress.pop(number, {}).values())
        measurement = Measurement(
            proxy=name,
            digest=record.digest,
            seed=seed,
            progress=() if evaluation is None else progress,
            seconds=0.0 if evaluation is None else evaluation.seconds,
            error=error,
        )
        append_measurement(self._folder.fidelity, measurement)
        if self._kept is not None:
            self._kept.remove(number)
        self._num_ended += 1
        num_done = len(self._all) - len(self._open)
        self._tell(f"[{num_done}/{len(self._all)}] {measurement}{self._left(name)}")

    def _left(self, name: str) -> str:
        """The time that is left of one evaluator; what another takes is not known before."""
        num_left = sum(of == name for of, _, _ in self._open.values())
        if not num_left:
            return ""
        seconds = (time.monotonic() - self._began) / self._num_ended * num_left
        return f"; about {timedelta(seconds=round(seconds))} left of {name}"


def _wanted(plan: Plan, sample: Sequence[TrialRecord]) -> Iterator[tuple[str, TrialRecord, int]]:
    """Name, design and seed of each training; the seeds of the truth are those of no proxy."""
    first = plan.search.seed
    for seed in range(first + 1, first + 1 + plan.sample.seeds):
        for record in sample:
            yield TRUTH, record, seed
    for name in plan.proxies:
        for record in sample:
            yield name, record, first
