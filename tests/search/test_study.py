import re
from pathlib import Path

import pytest

from bnas.errors import RunError
from bnas.search.study import Study
from bnas.space import SearchSpace
from tests.search import tables
from tests.search.tables import Search


def test_a_study_is_read_back_as_it_was(search: Search, many: SearchSpace, journal: Path) -> None:
    _, study = search(many, trials=5, objectives=["accuracy", "ops", "packed_bytes"])
    loaded = Study.load(journal)
    assert loaded.objectives == ("accuracy", "ops", "packed_bytes")
    assert loaded.records() == study.records()
    record = loaded.records()[0]
    assert many.decode(record.choices) is not None
    assert record.costs == tables.cost(many.decode(record.choices))


def test_a_new_study_does_not_replace_another(journal: Path) -> None:
    Study.create(journal, ("accuracy", "ops"))
    before = journal.read_bytes()
    message = (
        f"a new study needs a new file, but {journal} exists; "
        "resume the run it belongs to, or choose another name"
    )
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        Study.create(journal, ("accuracy", "ops"))
    assert journal.read_bytes() == before


def test_a_missing_study_is_named(journal: Path) -> None:
    message = (
        f"a run needs its study, but there is no file {journal}; "
        "restore it from a copy, or start a new run"
    )
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        Study.load(journal)


@pytest.mark.parametrize("damage", [b"{not json}\n", b"\xff\xfe\n", b"[1]\n", b'"text"\n'])
def test_a_damaged_line_is_named_with_what_can_be_kept(
    search: Search, many: SearchSpace, journal: Path, damage: bytes
) -> None:
    search(many, trials=3)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:9], damage, *lines[9:]]))
    message = (
        f"the study {journal} must hold lines of JSON as Optuna writes them, but line 10 is not "
        "one; restore the file from a copy, or cut it before that line (head -n 9) to keep the "
        "trials up to there"
    )
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        Study.load(journal)


@pytest.mark.parametrize(
    "content", [b"", b'{"op_code": 4}\n', b'{"op_code": 99, "worker_id": 1}\n']
)
def test_lines_of_another_make_are_not_a_study(journal: Path, content: bytes) -> None:
    journal.write_bytes(content)
    message = (
        f"the study {journal} must hold lines of JSON as Optuna writes them, but what they say is "
        "inconsistent; restore the file from a copy"
    )
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        Study.load(journal)


def test_an_incomplete_last_line_costs_nothing_but_itself(
    search: Search, many: SearchSpace, journal: Path
) -> None:
    search(many, trials=3)
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"work')
    assert len(Study.load(journal).records()) == 3
    assert journal.read_bytes() != whole
    Study.load(journal, mend=True)
    assert journal.read_bytes() == whole


def test_nothing_is_left_beside_the_journal(
    search: Search, many: SearchSpace, journal: Path
) -> None:
    search(many, trials=3)
    assert [path.name for path in journal.parent.iterdir()] == [journal.name]
