import pytest

from bnas.search.trials import TrialRecord
from tests.report.fakes import fake_records


@pytest.fixture(scope="session")
def records() -> list[TrialRecord]:
    """A search of 30 trials."""
    return fake_records(30)
