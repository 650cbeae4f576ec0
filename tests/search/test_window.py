import optuna
from optuna.trial import TrialState, create_trial

from bnas.search.study import Study
from bnas.search.window import Window


def study_of(values: list[tuple[float, float]]) -> optuna.Study:
    study = Study.in_memory(("accuracy", "ops")).optuna
    study.add_trials([create_trial(values=list(pair)) for pair in values])
    return study


def window(study: optuna.Study, size: int) -> Window:
    return Window(study._storage, size=size, directions=["maximize", "minimize"])


def numbers(shown: Window, study: optuna.Study) -> list[int]:
    return [trial.number for trial in shown.get_all_trials(study._study_id)]


def test_a_short_study_is_shown_whole() -> None:
    study = study_of([(0.1, 1.0)] * 4)
    assert numbers(window(study, 4), study) == [0, 1, 2, 3]


def test_half_are_the_best_and_the_others_the_latest() -> None:
    study = study_of([(0.9, 1.0), (0.1, 9.0), (0.8, 0.5), *[(0.2, 9.0)] * 5])
    assert numbers(window(study, 4), study) == [0, 2, 6, 7]


def test_trials_that_run_or_wait_are_always_shown() -> None:
    study = study_of([(0.1, 1.0)] * 9)
    running = study.ask().number
    study.enqueue_trial({"x": 1})
    assert {running, running + 1} < set(numbers(window(study, 2), study))


def test_candidates_outside_a_bound_are_not_among_the_best() -> None:
    study = study_of([])
    study.add_trial(create_trial(values=[1.0, 0.1], constraints={"ops": 1.0}))
    study.add_trials([create_trial(values=[0.5, 1.0]) for _ in range(3)])
    assert numbers(window(study, 2), study) == [2, 3]


def test_stopped_and_failed_trials_are_shown_as_the_latest() -> None:
    study = study_of([(0.5, 1.0)] * 3)
    study.add_trial(create_trial(state=TrialState.PRUNED))
    study.add_trial(create_trial(state=TrialState.FAIL))
    assert numbers(window(study, 4), study) == [1, 2, 3, 4]


def test_everything_else_is_that_of_the_storage() -> None:
    study = study_of([(0.5, 1.0)])
    assert window(study, 1).get_n_trials(study._study_id) == 1


def test_what_ends_later_comes_into_the_window() -> None:
    study = study_of([(0.5, 1.0)] * 3)
    shown = window(study, 2)
    trial = study.ask()
    assert numbers(shown, study) == [1, 2, 3]
    study.tell(trial, [0.9, 1.0])
    assert numbers(shown, study) == [2, 3]


def test_trials_are_filtered_by_state() -> None:
    study = study_of([(0.5, 1.0)] * 3)
    study.ask()
    found = window(study, 2).get_all_trials(study._study_id, states=(TrialState.RUNNING,))
    assert [trial.number for trial in found] == [3]
