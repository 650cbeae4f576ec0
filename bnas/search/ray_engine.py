"""The Ray engine: several trials at once, on this machine or on a cluster.

Ray Tune does what it does well, which is to run and watch processes. What is proposed and what is
recorded stays with the proposer, in this process; Ray's own state is scratch, deleted at the end
and never restored.
"""

import json
import os
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from ray import tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from bnas.architecture import from_dict
from bnas.errors import RunError
from bnas.search.events import End, EpochEnded
from bnas.search.guard import Failure, guarded
from bnas.search.port import Evaluation, Evaluator, Progress
from bnas.search.ray_cluster import cluster, resources_per_trial
from bnas.search.stop import Stop
from bnas.search.work import Job

# A killed worker may have been bad luck; a design whose worker dies twice is to blame itself.
_RETRIES: Final = 1


def run_ray(job: Job) -> End:
    """Runs trials until there are no more or a stop is asked for, and says which.

    A trial that a stop cuts short keeps no outcome, so that a resumed search goes on with it.

    Raises:
        InvalidConfiguration: The device is cuda and the cluster has no GPU.
        RunError: The cluster does not answer, or a worker cannot build the evaluator.
    """
    bridge, stop = _Bridge(job), job.stop
    with cluster(job.settings, threads=job.threads) as scratch:
        # Connecting to Ray takes signals away from whoever had them.
        stop.listen()
        resources = resources_per_trial(job.settings, threads=job.threads)
        trainable = tune.with_resources(_Worker(job.build), resources)
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=bridge,
                scheduler=_Scheduler(bridge),
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=_folder_name,
            ),
            run_config=tune.RunConfig(
                storage_path=str(scratch),
                name="search",
                verbose=0,
                stop=_Stopper(stop),
                callbacks=[_AfterEachStep(bridge.settle)],
                failure_config=tune.FailureConfig(max_failures=_RETRIES),
            ),
        )
        tuner.fit()
        bridge.settle()
    return bridge.outcome


def _folder_name(trial: Any) -> str:
    return str(trial.trial_id)


class _Worker:
    """What a worker process runs: the evaluator is built once and evaluates trial after trial."""

    def __init__(self, build: Callable[[], Evaluator]) -> None:
        self._build = build
        self._evaluator: Evaluator | None = None

    def __call__(self, config: dict[str, Any]) -> None:
        """Evaluates one trial and reports its progress and its result."""
        if self._evaluator is None:
            # OpenMP threads that spin while they wait take the cores of the other workers; read
            # when OpenMP is loaded.
            os.environ.setdefault("GOMP_SPINCOUNT", "0")
            built = guarded(self._build)
            if isinstance(built, Failure):
                _report("broken", {"error": built.error}, is_last=True)
                return
            self._evaluator = built
            _report("ready", {})
        _report(*_evaluated(self._evaluator, config), is_last=True)


def _evaluated(evaluator: Evaluator, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    result = guarded(
        lambda: evaluator.evaluate(
            from_dict(json.loads(config["architecture"])),
            seed=config["seed"],
            report=_report_progress,
            checkpoint=config["checkpoint"],
        )
    )
    if isinstance(result, Failure):
        return "failure", {"error": result.error, "traceback": result.traceback}
    return "evaluation", asdict(result)


def _report_progress(progress: Progress) -> bool:
    # When the trial has to stop, Ray ends the thread within this call.
    _report("progress", asdict(progress))
    return True


def _report(kind: str, values: dict[str, Any], *, is_last: bool = False) -> None:
    # As text: Ray would flatten the dictionary, and add fields of its own. Of a trial that ends
    # without having said that it is done, Ray waits a second for an error.
    tune.report({"message": json.dumps([kind, values]), "done": is_last})


class _NotRestored:
    """Ray pickles what it is given so that it could restore it, which never happens here."""

    def __getstate__(self) -> dict[str, object]:
        return {}


class _Bridge(_NotRestored, Searcher):
    """Connects Ray Tune's questions and notices to the proposer.

    Ray takes what a notice raises for the trial's failure and goes on. So notices are only noted
    down, and acted on where an error ends the search: at the next question and after each step.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._end: End | None = None
        self._job = job
        self._work = job.work
        self._has_worked = False
        self._numbers: dict[str, int] = {}
        self._noted: deque[tuple[str, str, dict[str, Any]]] = deque()

    # Ray's annotation leaves out FINISHED, which is a string.
    def suggest(  # type: ignore[override]
        self, trial_id: str
    ) -> dict[str, Any] | str | None:
        """The next trial, nothing for now, or that there is nothing more."""
        self.settle()
        if self._job.stop.end is not None:
            return self.FINISHED
        if len(self._numbers) >= self._job.settings.workers:
            return None
        proposed = self._work.propose()
        if isinstance(proposed, End):
            self._end = proposed
            return self.FINISHED
        number = self._numbers[trial_id] = proposed.number
        checkpoints = self._job.checkpoints
        return {
            "architecture": json.dumps(proposed.architecture),
            "seed": self._work.seed(number),
            "checkpoint": checkpoints.of(number) if checkpoints is not None else None,
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Notes what a worker reports."""
        self._noted.append((trial_id, *json.loads(result["message"])))

    def goes_on(self, trial_id: str, message: str) -> bool:
        """Whether a trial is worth its next epoch; if not, Ray tells nobody else what it said."""
        kind, values = json.loads(message)
        if kind != "progress" or self._work.goes_on(
            self._numbers[trial_id], progress := Progress(**values)
        ):
            return True
        evaluation = Evaluation(
            accuracy=progress.accuracy,
            loss=progress.loss,
            epochs=progress.epoch,
            seconds=progress.seconds,
        )
        self._noted.append((trial_id, kind, values))
        self._noted.append((trial_id, "evaluation", asdict(evaluation)))
        return False

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,
        error: bool = False,  # noqa: FBT001, FBT002 (Ray's signature)
    ) -> None:
        """Notes the last thing that a worker reports, and that the trial has left it."""
        # A trial that is cut short may have reported nothing yet.
        if result and "message" in result and not error:
            kind, values = json.loads(result["message"])
            # Of a trial that was stopped, the last is progress, which was noted then.
            if kind != "progress":
                self._noted.append((trial_id, kind, values))
        self._noted.append((trial_id, "died" if error else "left", {}))

    def settle(self) -> None:
        """Acts on everything that was noted."""
        while self._noted:
            trial_id, kind, values = self._noted.popleft()
            number = self._numbers[trial_id]
            if kind in {"left", "died"}:
                del self._numbers[trial_id]
            else:
                self._has_worked = True
            self._act(number, kind, values)

    def _act(self, number: int, kind: str, values: dict[str, Any]) -> None:
        if kind == "progress":
            self._job.listener(EpochEnded(number=number, progress=Progress(**values)))
        elif kind == "evaluation":
            self._work.finish(number, Evaluation(**values))
        elif kind == "failure":
            self._work.fail(number, values["error"], traceback=values["traceback"])
        elif kind == "died" and self._has_worked:
            self._work.fail(number, f"the worker process died {1 + _RETRIES} times")
        elif kind == "died":
            raise RunError(
                f"a worker process must be able to start, but {1 + _RETRIES} died before they "
                "reported anything; use the inline engine to see why"
            )
        elif kind == "broken":
            raise RunError(
                f"every worker must be able to build the evaluator, but got {values['error']}; "
                "correct the cause, then resume the run"
            )

    @property
    def outcome(self) -> End:
        """Why the search ended; only to be asked after it has."""
        end = self._end or self._job.stop.end
        if end is None:
            raise RunError("Ray Tune ended before the search did; resume the run to go on")
        return end

    def save(self, checkpoint_path: str) -> None:
        """Saves nothing: the study has everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Restores nothing."""


class _Scheduler(FIFOScheduler):
    """First come, first served; ends a trial that is not worth its next epoch."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._bridge = bridge

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:  # noqa: ARG002
        """What Ray is to do with a trial that has reported."""
        return (
            self.CONTINUE if self._bridge.goes_on(trial.trial_id, result["message"]) else self.STOP
        )


class _AfterEachStep(_NotRestored, tune.Callback):
    """Calls an action after each step of Ray Tune's loop."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002
        """Calls it."""
        self._action()


class _Stopper(_NotRestored, tune.Stopper):
    """Ends all trials when the search has to stop."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002
        """Whether to end one trial: never, trials end by themselves or together."""
        return False

    def stop_all(self) -> bool:
        """Whether to end all."""
        return self._stop.end is not None
