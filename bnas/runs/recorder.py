"""Writes the tables of a run while it goes on."""

from collections.abc import Sequence

from bnas.architecture import Design, design_to_dict, from_dict
from bnas.data import Facts
from bnas.runs.files import append_text, write_json, write_text, writing
from bnas.runs.folder import RunFolder
from bnas.runs.repeats import (
    Estimate,
    contenders,
    estimates,
    read_repetitions,
    repeated_front,
)
from bnas.runs.tables import csv_text, front_entries, header, row
from bnas.search.events import Ended, Event, Started
from bnas.search.objectives import ObjectiveName
from bnas.search.outage import outlasting
from bnas.search.trials import TrialRecord


class Recorder:
    """Keeps a run's tables and architectures up to date; the study stays the record of truth."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        choice_names: Sequence[str],
        objectives: Sequence[ObjectiveName],
        chance: float,
        facts: Facts,
    ) -> None:
        self._folder = folder
        self._choice_names = choice_names
        self._objectives = objectives
        self._chance = chance
        self._facts = facts
        self._known: dict[str, Estimate] = {}
        # What a new record has to be compared with: whatever these dominate stays dominated.
        self._contenders: list[TrialRecord] = []

    def __call__(self, event: Event) -> None:
        """Records what happened to a trial."""
        if isinstance(event, Started):
            self._write_architecture(event.record)
        if isinstance(event, Ended):
            append_text(self._folder.trials, csv_text([row(event.record, self._choice_names)]))
            if event.record.outcome == "finished":
                self._write_front([*self._contenders, event.record])

    def rewrite(self, records: Sequence[TrialRecord]) -> None:
        """Writes all tables anew from what the study says."""
        rows = [row(record, self._choice_names) for record in records]
        write_text(self._folder.trials, csv_text([header(self._choice_names), *rows]))
        self._known = estimates(read_repetitions(self._folder.repeats))
        self._write_front(records)

    def _write_front(self, records: Sequence[TrialRecord]) -> None:
        self._contenders = contenders(records, self._known, self._objectives, chance=self._chance)
        on_front = repeated_front(
            self._contenders, self._known, self._objectives, chance=self._chance
        )
        write_json(self._folder.front, front_entries(on_front, self._objectives, self._known))

    def _write_architecture(self, record: TrialRecord) -> None:
        with writing(self._folder.architectures):
            outlasting(lambda: self._folder.architectures.mkdir(exist_ok=True))
        design = Design(
            name=record.digest,
            architecture=from_dict(record.architecture),
            image_size=self._facts.image_size,
            num_classes=self._facts.num_classes,
            in_channels=self._facts.in_channels,
        )
        write_json(self._folder.architectures / f"{record.digest}.json", design_to_dict(design))
