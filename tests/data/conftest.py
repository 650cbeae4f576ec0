"""Every test of reading begins with an empty cache."""

import pytest


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNAS_CACHE", str(tmp_path_factory.mktemp("cache")))
