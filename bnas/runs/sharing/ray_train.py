"""Starts the processes of a shared training with Ray Train, and hears what the first one says."""

import math
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer

from bnas.architecture import Architecture
from bnas.errors import BnasError, InvalidConfiguration, RunError
from bnas.search.port import Checkpoint, Evaluation, Progress
from bnas.search.ray_cluster import cluster

if TYPE_CHECKING:
    from bnas.runs.sharing.evaluator import SharedTraining

_RETRIES: Final = 2
_PAUSE_S: Final = 0.2


def evaluate_together(
    shared: "SharedTraining",
    architecture: Architecture,
    *,
    seed: int,
    report: Callable[[Progress], bool],
    checkpoint: Checkpoint | None,
) -> Evaluation:
    """See `SharedTraining.evaluate`."""
    settings = shared.settings.model_copy(update={"workers": shared.processes})
    with cluster(settings, threads=shared.threads) as scratch:
        _check_size(shared)
        mailbox = ray.remote(num_cpus=0)(_Mailbox).remote()
        trainer = TorchTrainer(
            _work,  # type: ignore[arg-type] # that a loop may return something is newer than this
            train_loop_config={
                "evaluator": shared.evaluator,
                "architecture": architecture,
                "seed": seed,
                "checkpoint": checkpoint,
                "mailbox": mailbox,
            },
            scaling_config=ScalingConfig(
                num_workers=shared.processes,
                use_gpu=settings.device == "cuda",
                resources_per_worker=_resources(shared),
            ),
            run_config=RunConfig(
                name="shared",
                storage_path=str(scratch),
                failure_config=FailureConfig(max_failures=_RETRIES),
            ),
        )
        return _followed(trainer, mailbox, report)


def _followed(
    trainer: TorchTrainer, mailbox: Any, report: Callable[[Progress], bool]
) -> Evaluation:
    """Runs the trainer and passes on what comes; returns what the first process returns."""
    # In a thread: what listens to the progress has to be called in this one.
    executor = ThreadPoolExecutor(1)
    running: Future[Any] = executor.submit(trainer.fit)
    try:
        while not running.done():
            wait([running], timeout=_PAUSE_S)
            _deliver(mailbox, report)
        found: Evaluation = running.result().return_value
    except TrainingFailedError as error:
        *_, reason = (line for line in str(error).splitlines() if line.strip(" )"))
        raise RunError(
            f"the processes of a shared training must run until it ends, but failed "
            f"{1 + _RETRIES} times, at last with {reason.strip()!r}; correct the cause, or give "
            "each more memory, then resume the run"
        ) from error
    finally:
        # Not waited for: it ends when the connection to Ray does.
        executor.shutdown(wait=False)
    _deliver(mailbox, report)
    return found


def _deliver(mailbox: Any, report: Callable[[Progress], bool]) -> None:
    for message in ray.get(mailbox.take.remote()):
        if isinstance(message, BnasError):
            raise message
        if not report(message):
            mailbox.stop.remote()


class _Mailbox:
    """An actor between the processes and who started them."""

    def __init__(self) -> None:
        self._messages: list[Progress | BnasError] = []
        self._is_stopped = False

    def post(self, message: Progress | BnasError) -> bool:
        """Leaves a message, and says whether to go on."""
        self._messages.append(message)
        return not self._is_stopped

    def take(self) -> list[Progress | BnasError]:
        """What was left since the last time."""
        messages, self._messages = self._messages, []
        return messages

    def stop(self) -> None:
        """Asks the processes to end after their next epoch."""
        self._is_stopped = True


def _work(config: dict[str, Any]) -> Evaluation | None:
    """What every process runs; what else it raises makes Ray start all processes again."""
    try:
        return _evaluated(**config)
    except BnasError as error:
        # The others may wait for this process for ever; who started them ends them.
        ray.get(config["mailbox"].post.remote(error))
        return None


def _evaluated(
    *,
    evaluator: Any,
    architecture: Architecture,
    seed: int,
    checkpoint: Checkpoint | None,
    mailbox: Any,
) -> Evaluation:
    from bnas.training.parallel import agreed, is_first

    first = is_first()

    def report(progress: Progress) -> bool:
        return bool(agreed(not first or ray.get(mailbox.post.remote(progress))))

    with tempfile.TemporaryDirectory() as folder:
        if not first:
            evaluator = evaluator.elsewhere(Path(folder))
            if checkpoint is not None:  # read by all, written by one
                checkpoint = replace(checkpoint, interval_s=math.inf)
        found: Evaluation = evaluator.evaluate(
            architecture, seed=seed, report=report, checkpoint=checkpoint
        )
    return found


def _resources(shared: "SharedTraining") -> dict[str, float]:
    found = {"CPU": float(shared.threads)}
    return {**found, "GPU": 1.0} if shared.settings.device == "cuda" else found


def _check_size(shared: "SharedTraining") -> None:
    """Refuses what Ray would wait for without an end."""
    there = ray.cluster_resources()  # type: ignore[no-untyped-call]
    for name, share in _resources(shared).items():
        wanted = share * shared.processes
        if there.get(name, 0) < wanted:
            raise InvalidConfiguration(
                f"{shared.processes} processes need {wanted:g} {name}s together, but the cluster "
                f"has {there.get(name, 0):g}; take fewer processes or threads, or a larger cluster"
            )
