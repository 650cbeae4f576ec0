"""The table of a measurement: one row for each training and each score."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bnas.runs.files import write_text
from bnas.runs.growing_table import append_row, mend_rows, read_rows
from bnas.runs.tables import csv_text
from bnas.search.port import Progress

_COLUMNS: Final = (
    *("proxy", "digest", "seed", "state", "score", "accuracy", "loss", "epochs", "seconds"),
    *("accuracies", "losses", "times", "error"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One training of an architecture, or one score of it.

    Attributes:
        proxy: Name of the training or the score.
        digest: Of the architecture.
        seed: It was made with.
        progress: Every epoch of a training.
        score: Where nothing was trained.
        seconds: It took.
        error: Why there is neither.
    """

    proxy: str
    digest: str
    seed: int
    progress: tuple[Progress, ...] = ()
    score: float | None = None
    seconds: float = 0.0
    error: str | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """What is measured, once."""
        return self.proxy, self.digest, self.seed

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.proxy} {self.digest} seed {self.seed}: failed: {self.error}"
        found = f"{100 * self.progress[-1].accuracy:.2f} %" if self.progress else f"{self.score:g}"
        return f"{self.proxy} {self.digest} seed {self.seed}: {found}"


def read_measurements(path: Path) -> list[Measurement]:
    """Every measurement, none if there is no file yet; half a last line is passed over.

    Raises:
        RunError: The file is damaged.
    """
    return read_rows(path, _measurement, of="measurements")


def append_measurement(path: Path, measurement: Measurement) -> None:
    """Adds a line to the table, and begins it where there is none.

    Raises:
        RunError: The disk is full or the folder cannot be written.
    """
    append_row(path, _COLUMNS, _row(measurement))


def begin_measurements(path: Path) -> None:
    """Writes an empty table; of one that is there, removes what a killed process left half."""
    mend_rows(path)
    if not path.exists():
        write_text(path, csv_text([_COLUMNS]))


def _row(measurement: Measurement) -> list[Any]:
    head = [measurement.proxy, measurement.digest, measurement.seed]
    progress, error = measurement.progress, measurement.error
    last: Sequence[Any] = (None, None, None)
    if progress:
        last = (progress[-1].accuracy, progress[-1].loss, progress[-1].epoch)
    return [
        *(*head, "finished" if error is None else "failed", measurement.score),
        *(*last, f"{measurement.seconds:.6f}"),
        _joined(epoch.accuracy for epoch in progress),
        _joined(epoch.loss for epoch in progress),
        _joined(round(epoch.seconds, 3) for epoch in progress),
        error,
    ]


def _measurement(row: dict[str, str]) -> Measurement:
    curves = (row["accuracies"].split(), row["losses"].split(), row["times"].split())
    progress = tuple(
        Progress(epoch=epoch, accuracy=float(a), loss=float(b), seconds=float(c))
        for epoch, (a, b, c) in enumerate(zip(*curves, strict=True), start=1)
    )
    return Measurement(
        proxy=row["proxy"],
        digest=row["digest"],
        seed=int(row["seed"]),
        progress=progress,
        score=float(row["score"]) if row["score"] else None,
        seconds=float(row["seconds"]),
        error=row["error"] if row["state"] == "failed" else None,
    )


def _joined(values: Iterable[float]) -> str:
    return " ".join(map(str, values))
