"""The study of a search: Optuna's record of all trials, on a journal file or in memory."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast

from bnas.errors import RunError
from bnas.search.objectives import ObjectiveName, direction
from bnas.search.trials import TrialRecord

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

STUDY_NAME: Final = "bnas"


class Study:
    """All trials of one search.

    Attributes:
        objectives: What Optuna's values are, in order.
        optuna: The study as Optuna knows it, for its plots and its dashboard.
    """

    def __init__(self, storage: "BaseStorage", study: "optuna.Study") -> None:
        self.optuna = study
        self.objectives: tuple[ObjectiveName, ...] = tuple(
            cast("list[ObjectiveName]", study.metric_names)
        )
        self._storage = storage
        # By size: the study as samplers see it.
        self._windows: dict[int, optuna.Study] = {}
        self._id = storage.get_study_id_from_name(STUDY_NAME)

    @classmethod
    def create(cls, path: Path, objectives: Sequence[ObjectiveName]) -> Self:
        """Starts an empty study.

        Raises:
            RunError: The file exists already, or cannot be written.
        """
        from bnas.search.journal import open_journal

        if path.exists():
            raise RunError(
                f"a new study needs a new file, but {path} exists; "
                "resume the run it belongs to, or choose another name"
            )
        with _readable(path):
            return cls._create(open_journal(path), objectives)

    @classmethod
    def in_memory(cls, objectives: Sequence[ObjectiveName]) -> Self:
        """Starts an empty study that ends with this process."""
        from optuna.storages import InMemoryStorage

        return cls._create(InMemoryStorage(), objectives)

    @classmethod
    def _create(cls, storage: "BaseStorage", objectives: Sequence[ObjectiveName]) -> Self:
        import optuna

        with _quiet():
            study = optuna.create_study(
                storage=storage,
                study_name=STUDY_NAME,
                directions=[direction(name) for name in objectives],
                sampler=optuna.samplers.RandomSampler(),
            )
        _name_values(study, objectives)
        return cls(storage, study)

    @classmethod
    def load(cls, path: Path, *, mend: bool = False) -> Self:
        """Opens the study of an earlier search.

        Args:
            path: The journal file.
            mend: Cut off the incomplete last line that a killed process may have left; without it,
                such a line is passed over. To be set by who is going to write.

        Raises:
            RunError: The file is missing or damaged.
        """
        import optuna

        from bnas.search.journal import cut_incomplete_line, open_journal

        if not path.is_file():
            raise RunError(
                f"a run needs its study, but there is no file {path}; restore it from a copy, "
                "or start a new run"
            )
        with _readable(path):
            if mend:
                cut_incomplete_line(path)
            storage = open_journal(path)
            study = optuna.load_study(
                storage=storage, study_name=STUDY_NAME, sampler=optuna.samplers.RandomSampler()
            )
            return cls(storage, study)

    def history(self) -> list[tuple[TrialRecord | None, bool]]:
        """For each trial in order of number: its record if it has one, and whether it is open.

        A trial is open until it is told of. One without a record was interrupted before it had an
        architecture.
        """
        trials = self.optuna.get_trials(deepcopy=False)
        return [(TrialRecord.of(trial), not trial.state.is_finished()) for trial in trials]

    @property
    def num_trials(self) -> int:
        """Trials of every kind, those without a record included."""
        return len(self.optuna.get_trials(deepcopy=False))

    def records(self) -> list[TrialRecord]:
        """Every trial that has an architecture, in order of number."""
        return [record for record, _ in self.history() if record is not None]

    def ask(
        self,
        sampler: "BaseSampler",
        fixed: Mapping[str, Any] | None = None,
        *,
        window: int | None = None,
    ) -> "optuna.Trial":
        """Begins a trial; the sampler chooses the parameters that are not fixed.

        Args:
            sampler: What proposes.
            fixed: Parameters that are not for it to choose.
            window: How many ended trials it may see, see `bnas.search.window`; None shows all.
        """
        if fixed is not None:
            self.optuna.enqueue_trial(dict(fixed))
        study = self.optuna if window is None else self._windowed(window)
        study.sampler = sampler
        return study.ask()

    def _windowed(self, size: int) -> "optuna.Study":
        import optuna

        from bnas.search.window import Window

        if size not in self._windows:
            directions = [direction(name) for name in self.objectives]
            window: Any = Window(self._storage, size=size, directions=directions)
            self._windows[size] = optuna.load_study(study_name=STUDY_NAME, storage=window)
        return self._windows[size]

    def annotate(self, number: int, attributes: Mapping[str, Any]) -> None:
        """Writes user attributes of a running trial, in order."""
        trial_id = self._trial_id(number)
        for key, value in attributes.items():
            self._storage.set_trial_user_attr(trial_id, key, value)

    def abandon(self, number: int) -> None:
        """Ends a trial that has no architecture, be it begun or only enqueued."""
        from optuna.trial import TrialState

        self.annotate(number, {"outcome": "abandoned"})
        # One that waits would be taken for the next that is asked for, and cannot be told of.
        self._storage.set_trial_state_values(self._trial_id(number), TrialState.RUNNING)
        self.tell(number, None)

    def tell(self, number: int, values: Sequence[float] | None, *, pruned: bool = False) -> None:
        """Ends a trial, as failed or pruned where there are no values."""
        from optuna.trial import TrialState

        ended = TrialState.PRUNED if pruned else TrialState.FAIL
        state = ended if values is None else TrialState.COMPLETE
        self.optuna.tell(number, values, state=state)

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            f"the study {path} must be readable and writable, but {error.strerror}; "
            "correct its permissions or free space on the disk"
        ) from error
    # What Optuna raises when it replays lines that are not its own.
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise RunError(_damage(path)) from error


def _damage(path: Path) -> str:
    from bnas.search.journal import first_bad_line

    rule = f"the study {path} must hold lines of JSON as Optuna writes them"
    number = first_bad_line(path)
    if number is None:
        return f"{rule}, but what they say is inconsistent; restore the file from a copy"
    return (
        f"{rule}, but line {number} is not one; restore the file from a copy, or cut it before "
        f"that line (head -n {number - 1}) to keep the trials up to there"
    )


def _name_values(study: "optuna.Study", objectives: Sequence[ObjectiveName]) -> None:
    """Says what Optuna's values are, to us and to its plots and dashboard."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        # Optuna may still change how names are set; constraints.txt pins it.
        warnings.filterwarnings("ignore", ".*set_metric_names", category=ExperimentalWarning)
        study.set_metric_names(list(objectives))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Optuna from announcing a new study on the terminal."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
