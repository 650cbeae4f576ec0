"""What a recipe may hold."""

from typing import Any

import pytest

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.definitions import validate
from bnas.errors import InvalidConfiguration, InvalidEvaluator
from bnas.training import Recipe
from bnas.training.rules import check_design, check_epochs
from bnas.training.settings import Changes

GOOD: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "linear",
    "batch_size": 64,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"optimizer": "adamm"},
            (
                "R: 'optimizer' must be 'adam', 'adamw' or 'sgd', but got 'adamm', "
                "did you mean 'adam'?"
            ),
        ),
        (
            {"optimizer": "sgd"},
            (
                "R: momentum must be given for the optimizer 'sgd' and for no other, but "
                "optimizer is 'sgd' and momentum None; add momentum: 0.9"
            ),
        ),
        (
            {"momentum": 0.5},
            (
                "R: momentum must be given for the optimizer 'sgd' and for no other, but "
                "optimizer is 'adam' and momentum 0.5; remove momentum"
            ),
        ),
        ({"learning_rate": 0}, "R: 'learning_rate' must be greater than 0, but got 0"),
        (
            {"learning_rate": float("inf")},
            "R: 'learning_rate' must be a finite number, but got inf",
        ),
        ({"warmup": 1.0}, "R: 'warmup' must be less than 1, but got 1.0"),
        ({"batch_size": 1}, "R: 'batch_size' must be greater than or equal to 2, but got 1"),
        (
            {"label_smoothing": -0.1},
            "R: 'label_smoothing' must be greater than or equal to 0, but got -0.1",
        ),
        (
            {"schedule": "cosin"},
            (
                "R: 'schedule' must be 'cosine', 'linear' or 'constant', but got 'cosin', "
                "did you mean 'cosine'?"
            ),
        ),
        (
            {"schedule": {"milestones": [], "factor": 2}},
            (
                "R: 'schedule.milestones' must have at least 1 item, but got []\n"
                "R: 'schedule.factor' must be less than 1, but got 2"
            ),
        ),
        (
            {"schedule": {"milestones": [0.4, 0.2], "factor": 0.1}},
            "R: 'schedule.milestones': milestones must rise, but are 0.4, 0.2; sort them",
        ),
        (
            {
                "teacher": {
                    "network": "twin",
                    "schedule": {"milestones": [0.4, 0.2], "factor": 0.1},
                }
            },
            "R: 'teacher.schedule.milestones': milestones must rise, but are 0.4, 0.2; sort them",
        ),
        (
            {"schedule": {"milestones": [0.5, 2], "factor": 0.1}},
            (
                "R: 'schedule.milestones': milestones must all be shares of the phase, below 1, or "
                "all be epochs, whole, but are 0.5, 2; take one of the two"
            ),
        ),
        (
            {"phases": [{"share": 1}, {"share": 1, "weights": "real"}, {"share": 1}]},
            (
                "R: 'phases[1].weights': phases with real weights must come before those with "
                "binary ones, but phase 2 has real weights and phase 1 has not; change their order"
            ),
        ),
        (
            {"phases": [{"share": 1}, {"share": 1, "coupled": True}, {"share": 1}]},
            (
                "R: 'phases[1].coupled': coupled phases must come before the others, but phase 2 "
                "is coupled and phase 1 is not; change their order"
            ),
        ),
        (
            {"phases": [{"share": 1, "weights": "real", "coupled": True}]},
            (
                "R: 'phases[0].weights': the last phase must train what is deployed, but its "
                "weights are real; add a phase with weights: binary\n"
                "R: 'phases[0].coupled': the last phase must train what is deployed, but it is "
                "coupled; add a phase with coupled: false"
            ),
        ),
        (
            {"phases": [{"share": 1, "warm_up": 0.1}]},
            (
                "R: unknown key 'phases[0].warm_up', did you mean 'warmup'?; allowed keys: "
                "learning_rate, weight_decay, decays, schedule, warmup, batch_size, "
                "label_smoothing, mixup, cutout, crop_padding, flip, clip_norm, share, weights, "
                "coupled"
            ),
        ),
        (
            {"teacher": {"network": "teacher.pt"}},
            (
                "R: 'teacher.network': a teacher must be 'twin', the path of a trained network, or "
                "PACKAGE.MODULE:FUNCTION, but is 'teacher.pt'; take one of these (a path has a /)"
            ),
        ),
        (
            {"teacher": {"network": "mine.nets:resnet", "epochs": 3, "warmup": 0.1}},
            (
                "R: 'teacher': only a twin is trained here, but the teacher is 'mine.nets:resnet' "
                "and has settings of a training: warmup, epochs; remove them"
            ),
        ),
        (
            {"teacher": {}, "label_smoothing": 0.1},
            (
                "R: 'teacher': without a weight the teacher's loss uses no labels, but "
                "label_smoothing would smooth some; give the teacher a weight, or set "
                "label_smoothing to 0"
            ),
        ),
    ],
)
def test_refused(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidEvaluator) as caught:
        validate(GOOD | change, Recipe, InvalidEvaluator, source="R")
    assert str(caught.value) == expected


def test_is_a_frozen_comparable_value() -> None:
    first, second = Recipe.model_validate(GOOD), Recipe.model_validate(GOOD)
    assert first == second
    assert hash(first) == hash(second)
    with pytest.raises(ValueError, match="frozen"):
        first.batch_size = 3  # type: ignore[misc]


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate(GOOD | changes)


def test_what_is_written_to_a_file_is_read_again() -> None:
    whole = recipe(
        schedule={"milestones": [1, 2], "factor": 0.1},
        teacher={"weight": 0.5, "warmup": 0.1},
        phases=[{"share": 3, "weights": "real"}, {"share": 1, "schedule": "cosine"}],
    )
    assert Recipe.model_validate(whole.model_dump(mode="json")) == whole
    assert Recipe.model_validate(whole.model_dump(mode="json", exclude_none=True)) == whole


def test_parts_of_a_training_may_have_their_own_of_most_settings() -> None:
    whole_training = {"optimizer", "momentum", "ema", "teacher", "phases"}
    assert set(Changes.model_fields) == set(Recipe.model_fields) - whole_training


def test_a_phase_has_what_it_changes_and_else_what_the_recipe_has() -> None:
    two_step = recipe(
        weight_decay=0.5,
        flip=True,
        phases=[
            {"share": 1, "weights": "real", "weight_decay": 1e-5, "flip": False},
            {"share": 1, "weight_decay": 0, "schedule": "cosine"},
        ],
    )
    first, second = two_step.phase(0), two_step.phase(1)
    assert (first.weights, second.weights) == ("real", "binary")
    assert first.recipe == recipe(weight_decay=1e-5)
    assert second.recipe == recipe(weight_decay=0, flip=True, schedule="cosine")


def test_without_phases_there_is_one() -> None:
    only = recipe().phase(0)
    assert (only.number, only.weights, only.coupled) == (0, "binary", False)
    assert only.recipe == recipe()
    assert recipe().ends(7) == (7,)


@pytest.mark.parametrize(
    ("shares", "epochs", "expected"),
    [
        ([120, 40], 160, (120, 160)),
        ([120, 40], 16, (12, 16)),
        ([0.5, 0.5], 10, (5, 10)),
        ([1, 1, 1], 10, (3, 7, 10)),
        ([1, 1, 1], 3, (1, 2, 3)),
    ],
)
def test_phases_divide_the_epochs(
    shares: list[float], epochs: int, expected: tuple[int, ...]
) -> None:
    assert recipe(phases=[{"share": share} for share in shares]).ends(epochs) == expected


def test_a_phase_without_an_epoch_is_refused() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        recipe(phases=[{"share": 120}, {"share": 40}]).ends(1)
    assert str(caught.value) == (
        "every phase must have an epoch at least, but epochs=1 are divided by the shares 120, 40; "
        "take more epochs or other shares"
    )


def test_milestones_behind_their_phase_are_refused() -> None:
    two = recipe(
        phases=[{"share": 3}, {"share": 1, "schedule": {"milestones": [5, 20], "factor": 0.1}}]
    )
    check_epochs(two, 100)
    check_epochs(recipe(schedule={"milestones": [0.5], "factor": 0.1}), 1)
    taught = recipe(
        schedule={"milestones": [50], "factor": 0.1}, teacher={"network": "twin", "epochs": 10}
    )
    with pytest.raises(InvalidConfiguration, match="epochs=10 of the teacher leave 10 to phase 1"):
        check_epochs(taught, 100)
    with pytest.raises(InvalidConfiguration) as caught:
        check_epochs(two, 80)
    assert str(caught.value) == (
        "milestones must lie within their phase, but epochs=80 leave 20 to phase 2 and its last "
        "milestone is 20; take more epochs, or milestones that are shares of the phase"
    )


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("twin", "twin"),
        ("results/runs/r/networks/abc-seed0", "network"),
        ("weights.safetensors", "network"),
        ("mine.nets:resnet", "function"),
    ],
)
def test_kinds_of_teachers(network: str, kind: str) -> None:
    teacher = recipe(teacher={"network": network}).teacher
    assert teacher is not None
    assert teacher.kind == kind


def test_a_twin_is_trained_in_one_phase_without_a_teacher() -> None:
    found = recipe(
        teacher={"learning_rate": 0.02, "epochs": 3}, phases=[{"share": 1, "warmup": 0.5}]
    )
    assert found.of_twin == recipe(learning_rate=0.02)


def test_coupled_phases_need_paired_activations() -> None:
    plain = Architecture(
        skeleton="resnet", stem=Stem(width=4), stages=(Stage(depth=1, width=4, unit=Unit()),)
    )
    binary_duo = recipe(phases=[{"share": 1, "coupled": True}, {"share": 1}])
    check_design(recipe(), plain)
    with pytest.raises(InvalidConfiguration) as caught:
        check_design(binary_duo, plain, name="plain")
    assert str(caught.value) == (
        "a recipe with a coupled phase (BinaryDuo) needs paired activations in some stage, but the "
        "activation_levels of plain are signed; take a design with activation_levels: paired, or "
        "another recipe"
    )
