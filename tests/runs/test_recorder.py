"""What a run's folder holds while the run goes on."""

import json
from pathlib import Path

from bnas.data import Facts
from bnas.runs.folder import RunFolder
from bnas.runs.recorder import Recorder
from bnas.runs.repeats import (
    Repetition,
    append_repetition,
    estimates,
    read_repetitions,
    repeated_front,
)
from bnas.runs.tables import front_entries
from bnas.search.events import Ended
from bnas.search.objectives import ObjectiveName
from bnas.search.port import Evaluation
from tests.report.fakes import fake_records, with_outcome

OBJECTIVES: tuple[ObjectiveName, ...] = ("accuracy", "ops")
FACTS = Facts(image_size=8, in_channels=1, num_classes=10)


def test_the_front_is_that_of_the_trials_so_far(tmp_path: Path) -> None:
    records = fake_records(60)
    best = max(
        with_outcome(records, "finished"), key=lambda r: r.objectives(["accuracy"])["accuracy"]
    )
    folder = RunFolder(tmp_path)
    # Its mean is far below its score, so that repetitions matter.
    evaluation = Evaluation(accuracy=0.2, loss=1.0, epochs=4, seconds=1.0)
    append_repetition(folder.repeats, Repetition(digest=best.digest, seed=1, evaluation=evaluation))
    known = estimates(read_repetitions(folder.repeats))
    recorder = Recorder(
        folder, choice_names=[], objectives=OBJECTIVES, chance=FACTS.chance, facts=FACTS
    )
    recorder.rewrite(records[:20])
    sizes = set()
    for number, record in enumerate(records[20:], 21):
        recorder(Ended(record=record))
        expected = repeated_front(records[:number], known, OBJECTIVES, chance=FACTS.chance)
        entries = front_entries(expected, OBJECTIVES, known)
        assert json.loads(folder.front.read_text()) == json.loads(json.dumps(entries))
        sizes.add(len(entries))
    assert len(sizes) > 1
