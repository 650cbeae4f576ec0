"""The proposer: decides which suggestions to train, and tells the study what became of each.

It stands between the study and an engine. A candidate outside a bound, and one that was proposed
before, are settled on the spot; an engine sees only architectures that have to be trained. All
that it knows lies in the study, so a proposer made on the study of an interrupted search goes on
where that search stopped.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from bnas.architecture import Architecture
from bnas.cost import Totals
from bnas.search.events import End, Ended, Listener, Started
from bnas.search.halving import Halving
from bnas.search.objectives import ACCURACY
from bnas.search.plateau import Plateau
from bnas.search.port import Evaluation, Progress
from bnas.search.samplers import MAX_REPEATS
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.search.suggestion import Suggester
from bnas.search.telling import StoppedAs, Teller
from bnas.search.trials import COUNTED, Outcome, TrialRecord
from bnas.space import SearchSpace

MAX_UNPRODUCTIVE: Final = 200


class Proposer:
    """Proposes trials and records what became of them."""

    def __init__(
        self,
        study: Study,
        *,
        settings: SearchSettings,
        space: SearchSpace,
        cost: Callable[[Architecture], Totals],
        listener: Listener,
        halving: Halving | None = None,
        plateau: Plateau | None = None,
        stopped_as: StoppedAs = "pruned",
    ) -> None:
        self._study = study
        self._teller = Teller(study, stopped_as)
        self._halving = halving
        self._plateau = plateau
        self._settings = settings
        self._space = space
        self._listener = listener
        self._num_counted = 0
        self._num_unproductive = 0
        # By digest: what is being trained or was, and what never will be.
        self._trained: dict[str, TrialRecord] = {}
        self._infeasible: set[str] = set()
        # By number: trials that run, and those that wait for the same architecture's result.
        self._running: dict[int, TrialRecord] = {}
        self._stopped: set[int] = set()
        self._waiting: dict[int, list[TrialRecord]] = {}
        self._adopted: deque[TrialRecord] = deque()
        self._adopt()
        self._suggester = Suggester(
            study, settings=settings, space=space, cost=cost, listener=listener
        )

    @property
    def num_running(self) -> int:
        """Trials that have no outcome yet, those still to be taken over included."""
        return len(self._running)

    def propose(self) -> TrialRecord | End:
        """The next trial to run, or why there is none and will be none."""
        proposed = self._adopted.popleft() if self._adopted else self._next_productive()
        if isinstance(proposed, TrialRecord):
            self._listener(Started(record=proposed))
        return proposed

    def seed(self, number: int) -> int:  # noqa: ARG002 (other work has one for each)
        """The seed to evaluate a trial with: that of the search, for all alike."""
        return self._settings.seed

    def goes_on(self, number: int, progress: Progress) -> bool:
        """Whether a trial is worth its next epoch; to be asked after each, writes nothing.

        First candidates always are: where the published designs stand belongs to every result.
        So is what was let through before an interruption, whatever came to the rung meanwhile.
        """
        halving, epoch, record = self._halving, progress.epoch, self._running[number]
        if halving is None or epoch not in halving.epochs or not math.isfinite(progress.accuracy):
            return True
        record = replace(record, rungs={**record.rungs, epoch: progress.accuracy})
        self._running[number] = record
        self._enter_rungs(record, [epoch])
        is_judged = record.candidate is None and not progress.replayed
        if is_judged and not halving.goes_on(number, epoch):
            self._stopped.add(number)
        return number not in self._stopped

    def finish(self, number: int, evaluation: Evaluation) -> None:
        """Records what the evaluator found; a score that is not a number is a failure.

        Of a trial that was told not to go on, it is recorded as what was known when it stopped.
        """
        if math.isfinite(evaluation.accuracy):
            outcome: Outcome = "stopped" if number in self._stopped else "finished"
            self._close(number, outcome, evaluation=evaluation)
        else:
            self.fail(number, f"accuracy must be a number, but it is {evaluation.accuracy}")

    def fail(self, number: int, error: str, *, traceback: str | None = None) -> None:
        """Records that an evaluation ended without a score."""
        if traceback is not None:
            self._study.annotate(number, {"traceback": traceback})
        self._close(number, "failed", error=error)

    def _next_productive(self) -> TrialRecord | End:
        num_repeats, max_repeats = 0, MAX_REPEATS[self._settings.sampler]
        while (end := self._reason_to_end()) is None:
            record = self._suggester.suggest(self._trained, at_random=num_repeats >= max_repeats)
            if self._admit(record):
                self._num_unproductive = 0
                return record
            self._num_unproductive += 1
            num_repeats += record.digest in self._trained
        return end

    def _reason_to_end(self) -> End | None:
        trials, size = self._settings.trials, self._space.size()
        if self._num_counted + len(self._running) >= trials:
            return End(reason="trials", message=f"all {trials} trials are done")
        if len(self._trained) + len(self._infeasible) >= size:
            message = f"all {size} architectures of the space {self._space.name} were proposed"
            return End(reason="exhausted", message=message)
        if self._plateau is not None and self._plateau.is_reached:
            message = f"the hypervolume has not grown for {self._plateau.patience} trials"
            return End(reason="plateau", message=message)
        if self._num_unproductive >= MAX_UNPRODUCTIVE:
            message = (
                f"{MAX_UNPRODUCTIVE} proposals in a row were outside the bounds or proposed "
                "before; widen the bounds or the space to find more"
            )
            return End(reason="unproductive", message=message)
        return None

    def _admit(self, record: TrialRecord) -> bool:
        """Whether a trial has to be run; otherwise it is settled or waits."""
        if any(violation > 0 for violation in self._settings.violations(record.costs).values()):
            self._infeasible.add(record.digest)
            self._settle(replace(record, outcome="infeasible"))
            return False
        original = self._trained.get(record.digest)
        if original is None:
            self._trained[record.digest] = self._running[record.number] = record
            return True
        if original.outcome == "running":
            self._waiting.setdefault(original.number, []).append(record)
        else:
            self._settle(_duplicate(record, original))
        return False

    def _close(
        self,
        number: int,
        outcome: Outcome,
        *,
        evaluation: Evaluation | None = None,
        error: str | None = None,
    ) -> None:
        running = self._running.pop(number)
        self._stopped.discard(number)
        record = replace(running, outcome=outcome, evaluation=evaluation, error=error)
        self._learn(record)
        self._settle(record)
        for waiting in self._waiting.pop(number, []):
            self._settle(_duplicate(waiting, record))

    def _learn(self, record: TrialRecord) -> None:
        if record.outcome == "infeasible":
            self._infeasible.add(record.digest)
        elif record.outcome in COUNTED:
            self._trained[record.digest] = record
            self._num_counted += 1
            self._teller.learn(record)
            if self._plateau is not None:
                self._plateau.add(record)

    def _settle(self, record: TrialRecord) -> None:
        self._study.annotate(record.number, record.result_attributes())
        self._tell(record)

    def _tell(self, record: TrialRecord) -> None:
        self._teller.tell(record, is_stopped=self._is_stopped(record))
        self._listener(Ended(record=record))

    def _is_stopped(self, record: TrialRecord) -> bool:
        """Whether its accuracy is that of a stopped trial, its own or the one it repeats."""
        original = self._trained.get(record.digest)
        return original is not None and original.outcome == "stopped"

    def _enter_rungs(self, record: TrialRecord, epochs: Iterable[int]) -> None:
        if self._halving is not None:
            for epoch in set(epochs) & set(self._halving.epochs):
                values = {**record.objectives(self._study.objectives)}
                values[ACCURACY] = record.rungs[epoch]
                self._halving.enter(record.number, epoch, values)

    def _adopt(self) -> None:
        """Learns what the study knows, and takes over the trials that an interruption left."""
        left: list[TrialRecord] = []
        for number, (record, is_open) in enumerate(self._study.history()):
            if record is None:
                if is_open:
                    self._study.abandon(number)
            elif is_open:
                left.append(record)
            else:
                self._learn(record)
                self._enter_rungs(record, record.rungs)
        for record in left:
            if record.outcome != "running":
                # Killed after the outcome was written and before it was told.
                self._learn(record)
                self._tell(record)
            elif self._admit(record):
                self._adopted.append(record)


def _duplicate(record: TrialRecord, original: TrialRecord) -> TrialRecord:
    return replace(
        record,
        outcome="duplicate",
        duplicate_of=original.number,
        evaluation=original.evaluation,
        error=original.error,
    )
