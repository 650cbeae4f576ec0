"""The in-process engine: one trial after the other, for tests, debugging and small searches."""

from collections.abc import Callable

from bnas.architecture import from_dict
from bnas.search.events import End, EpochEnded, Listener
from bnas.search.guard import Failure, guarded
from bnas.search.port import Evaluator, Progress
from bnas.search.proposer import Proposer
from bnas.search.settings import SearchSettings
from bnas.search.stop import Stop
from bnas.search.trials import TrialRecord


def run_inline(
    proposer: Proposer,
    build: Callable[[], Evaluator],
    *,
    settings: SearchSettings,
    stop: Stop,
    listener: Listener,
) -> End:
    """Runs trials until the proposer has no more or a stop is asked for, and says which.

    A trial that a stop cuts short keeps no outcome, so that a resumed search runs it again.
    """
    evaluator = build()
    while (end := stop.end) is None:
        proposed = proposer.propose()
        if isinstance(proposed, End):
            return proposed
        _run(proposed, proposer, evaluator, seed=settings.seed, stop=stop, listener=listener)
    return end


def _run(
    record: TrialRecord,
    proposer: Proposer,
    evaluator: Evaluator,
    *,
    seed: int,
    stop: Stop,
    listener: Listener,
) -> None:
    architecture = from_dict(record.architecture)
    is_listening = False
    is_worth_it = True

    def report(progress: Progress) -> bool:
        nonlocal is_listening, is_worth_it
        is_listening = True
        listener(EpochEnded(number=record.number, progress=progress))
        is_worth_it = proposer.goes_on(record.number, progress)
        is_listening = False
        return is_worth_it and stop.end is None

    try:
        with stop.raising():
            result = guarded(lambda: evaluator.evaluate(architecture, seed=seed, report=report))
    except KeyboardInterrupt:
        stop.interrupt()
        return
    if not isinstance(result, Failure):
        if not is_worth_it or stop.end is None or result.epochs >= evaluator.epochs:
            proposer.finish(record.number, result)
    elif is_listening:
        # Ours or the listener's fault, not the trial's.
        raise result.cause
    else:
        proposer.fail(record.number, result.error, traceback=result.traceback)
