"""The in-process engine: one trial after the other, for tests, debugging and small searches."""

from bnas.architecture import from_dict
from bnas.search.events import End, EpochEnded
from bnas.search.guard import Failure, guarded
from bnas.search.port import Evaluation, Evaluator, Progress
from bnas.search.trials import TrialRecord
from bnas.search.work import Job


def run_inline(job: Job) -> End:
    """Runs trials until there are no more or a stop is asked for, and says which.

    A trial that a stop cuts short keeps no outcome, so that a resumed search goes on with it.
    """
    evaluator = job.build()
    while (end := job.stop.end) is None:
        proposed = job.work.propose()
        if isinstance(proposed, End):
            return proposed
        _run(job, proposed, evaluator)
    return end


def _run(job: Job, record: TrialRecord, evaluator: Evaluator) -> None:
    work, stop, number = job.work, job.stop, record.number
    is_listening = False
    is_worth_it = True

    def report(progress: Progress) -> bool:
        nonlocal is_listening, is_worth_it
        is_listening = True
        job.listener(EpochEnded(number=number, progress=progress))
        is_worth_it = work.goes_on(number, progress)
        is_listening = False
        return is_worth_it and stop.end is None

    def evaluate() -> Evaluation:
        return evaluator.evaluate(
            from_dict(record.architecture),
            seed=work.seed(number),
            report=report,
            checkpoint=job.checkpoints.of(number) if job.checkpoints is not None else None,
        )

    try:
        with stop.raising():
            result = guarded(evaluate)
    except KeyboardInterrupt:
        stop.interrupt()
        return
    if not isinstance(result, Failure):
        if not is_worth_it or stop.end is None or result.epochs >= evaluator.epochs:
            work.finish(number, result)
    elif is_listening:
        # Ours or the listener's fault, not the trial's.
        raise result.cause
    else:
        work.fail(number, result.error, traceback=result.traceback)
