from pathlib import Path

import pytest

from bnas.definitions import available
from bnas.errors import InvalidConfiguration
from bnas.runs.configuration import Configuration, load_configuration, resolve


@pytest.mark.parametrize("space", available("search_spaces"))
def test_the_file_of_a_configuration_is_the_configuration(space: str, tmp_path: Path) -> None:
    configuration = resolve(
        space=space,
        evaluator="digits",
        search={
            "trials": 7,
            "bounds": {"ops": {"maximum": 2e6}},
            "objectives": ("accuracy", "packed_bytes"),
        },
    )
    path = tmp_path / "config.yaml"
    path.write_text(configuration.to_yaml())
    assert load_configuration(path) == configuration


def test_a_run_without_checkpoints_is_gone_on_with_without(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        resolve(space="resnet", evaluator="digits", search={"checkpoint_s": None}).to_yaml()
    )
    assert load_configuration(path).search.checkpoint_s is None


def test_assignments_win_over_options_and_files() -> None:
    configuration = resolve(
        space="resnet",
        evaluator="digits",
        search={"trials": 7},
        assignments=["search.trials=9", "evaluator.recipe.batch_size=32", "evaluator.name=mine"],
    )
    assert configuration.search.trials == 9
    assert configuration.evaluator.recipe.batch_size == 32
    assert configuration.evaluator.name == "mine"


def test_options_replace_parts_of_a_configuration() -> None:
    base = resolve(space="resnet", evaluator="digits", search={"seed": 3, "trials": 7})
    changed = resolve(space="mobilenet", base=base, search={"trials": 8})
    assert changed.space.name == "mobilenet"
    assert (changed.search.seed, changed.search.trials) == (3, 8)


def test_trials_of_several_threads_share_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnas.search.settings._available_cpus", lambda: 8)

    def workers(*assignments: str, **search: object) -> int:
        found = resolve(space="resnet", evaluator="digits", search=search, assignments=assignments)
        return found.search.workers

    assert workers() == 8
    assert workers("evaluator.threads=3") == 2
    assert workers("evaluator.threads=16") == 1
    assert workers("evaluator.threads=3", workers=5) == 5
    assert workers("evaluator.threads=3", engine="inline") == 1


def test_resuming_on_another_engine_brings_its_own_number_of_workers() -> None:
    base = resolve(space="resnet", evaluator="digits", search={"engine": "ray", "workers": 2})
    assert base.with_search({"engine": "inline", "trials": 9}).search.workers == 1
    assert base.with_search({"trials": 9}).search.workers == 2


def test_on_another_engine_trials_of_several_threads_share_the_cpus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bnas.search.settings._available_cpus", lambda: 8)
    base = resolve(
        space="resnet",
        evaluator="digits",
        search={"engine": "inline"},
        assignments=["evaluator.threads=3"],
    )
    assert base.with_search({"engine": "ray"}).search.workers == 2
    assert base.with_search({"engine": "ray", "workers": 5}).search.workers == 5
    assert resolve(base=base, search={"engine": "ray"}).search.workers == 2


def test_a_run_of_a_cluster_is_gone_on_with_on_one_machine() -> None:
    base = resolve(space="resnet", evaluator="digits", search={"address": "10.0.0.1:6379"})
    assert base.with_search({"engine": "inline"}).search.address is None
    assert base.with_search({"address": "local"}).search.address is None
    assert base.with_search({"trials": 9}).search.address == "10.0.0.1:6379"


def test_another_engine_brings_its_own_number_of_workers() -> None:
    base = resolve(space="resnet", evaluator="digits", search={"engine": "ray", "workers": 2})
    assert resolve(base=base, search={"engine": "inline"}).search.workers == 1


def test_a_configuration_file_is_corrected_by_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = resolve(space="resnet", evaluator="digits").to_yaml()
    path.write_text(text.replace("sampler: tpe", "sampler: tpee"))
    line = 1 + path.read_text().splitlines().index("  sampler: tpee")
    with pytest.raises(InvalidConfiguration) as caught:
        load_configuration(path)
    assert str(caught.value) == (
        f"{path}:{line}: 'search.sampler' must be 'tpe', 'gp', 'nsga2' or 'random', "
        "but got 'tpee', did you mean 'tpe'?"
    )


def test_search_settings_are_checked_when_a_run_goes_on() -> None:
    configuration = resolve(space="resnet", evaluator="digits")
    assert configuration.with_search({"trials": 99}).search.trials == 99
    with pytest.raises(InvalidConfiguration) as caught:
        configuration.with_search({"trials": 0})
    assert str(caught.value) == (
        "search settings: 'trials' must be greater than or equal to 1, but got 0"
    )
    assert isinstance(configuration, Configuration)
