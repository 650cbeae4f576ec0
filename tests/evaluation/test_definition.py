"""Evaluators as data."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bnas.data import Facts
from bnas.data.loading import load_search_data
from bnas.definitions import available
from bnas.errors import InvalidConfiguration, InvalidData, InvalidEvaluator
from bnas.evaluation import (
    EvaluatorDefinition,
    ProxyTraining,
    ZeroCostDefinition,
    evaluator_descriptions,
    load_any_evaluator,
    load_evaluator,
)

TEXT = """\
name: quick
description: A test
data: digits
epochs: 1
recipe: {optimizer: adam, learning_rate: 0.01, schedule: constant, batch_size: 64}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quick.yaml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("name", available("evaluators"))
def test_every_shipped_evaluator_loads_and_builds(name: str) -> None:
    definition = load_any_evaluator(name)
    assert definition.name == name
    if isinstance(definition, EvaluatorDefinition):
        if definition.data == "required":
            # Fewer than the subset of one that is made for other data.
            definition = definition.model_copy(update={"data": "digits", "subset": None})
        assert definition.build().epochs == definition.epochs


def test_a_subset_must_be_there_when_it_is_built() -> None:
    definition = load_evaluator("digits").model_copy(update={"subset": 1300})
    with pytest.raises(InvalidData, match="training images, 1197, but is 1300"):
        definition.build()
    # A retraining takes the images that validate, too.
    assert definition.build(final=True).definition.subset == 1300


def test_data_that_have_to_be_given_are_asked_for() -> None:
    with pytest.raises(InvalidData) as caught:
        load_evaluator("image-folder").build()
    assert str(caught.value) == (
        "the evaluator leaves its data to whoever uses it, but none are given; name a data set or "
        "a path, as in `--data ./images`"
    )


def test_random_crops_need_files(file: Path) -> None:
    file.write_text(TEXT + "crop_scale: 0.5\n")
    with pytest.raises(InvalidEvaluator) as caught:
        load_evaluator(file)
    assert str(caught.value) == (
        f"{file}:6: 'crop_scale': random crops are cut from image files, but stream is not true; "
        "add stream: true or leave crop_scale out"
    )


def test_images_are_resized_and_priced_at_that_size(file: Path) -> None:
    file.write_text(TEXT + "image_size: 5\nsubset: 300\n")
    built = load_evaluator(file).build()
    assert built.facts == Facts(image_size=5, in_channels=1, num_classes=10)
    data = load_search_data(built.definition.images)
    assert (len(data.train), len(data.validation)) == (300, 300)


def test_scores_without_training_are_refused_where_something_trains() -> None:
    with pytest.raises(InvalidEvaluator) as caught:
        load_evaluator("zero-cost")
    assert str(caught.value) == (
        "an evaluator must train here, but 'zero-cost' is of the kind 'zero-cost', whose scores "
        "are no accuracies; name one of the kind 'training', and see what the scores are worth "
        "with `bnas fidelity`"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[naswot]",
            "[nasvot]",
            (
                "FILE:4: 'scores[0]' must be 'grad-norm', 'naswot', 'synflow', "
                "'jacobian-covariance', 'params' or 'ops', but got 'nasvot', did you mean 'naswot'?"
            ),
        ),
        (
            "[naswot]",
            "[ops, naswot, ops]",
            "FILE:1: scores must differ, but got ops, naswot, ops; name each of them once",
        ),
        (
            "zero-cost\n",
            "zerocost\n",
            (
                "FILE: 'kind' must be 'training' or 'zero-cost', but got 'zerocost'; without the "
                "key it is 'training'"
            ),
        ),
    ],
)
def test_a_wrong_file_of_scores_is_refused(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    file = tmp_path / "scores.yaml"
    text = "kind: zero-cost\nname: mine\ndescription: A test\nscores: [naswot]\n"
    file.write_text(text)
    assert isinstance(load_any_evaluator(file), ZeroCostDefinition)
    file.write_text(text.replace(old, new))
    with pytest.raises(InvalidEvaluator) as caught:
        load_any_evaluator(file)
    assert str(caught.value).replace(str(file), "FILE") == expected


def test_descriptions(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evaluators").mkdir()
    file.rename(tmp_path / "evaluators" / "quick.yaml")
    monkeypatch.chdir(tmp_path)
    found = evaluator_descriptions()
    assert found["quick"] == "A test"
    assert found["digits"] == load_evaluator("digits").description


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "data: digits",
            "data: digit",
            (
                "FILE:3: 'data': unknown data set 'digit'; did you mean 'digits'? "
                "available: digits, hf:NAME, or give a path, as ./images or images.npz"
            ),
        ),
        (
            "epochs: 1",
            "epochs: 0",
            "FILE:4: 'epochs' must be greater than or equal to 1, but got 0",
        ),
        (
            "batch_size: 64",
            "batchsize: 64",
            (
                "FILE:5: the key 'recipe.batch_size' is missing; add it\n"
                "FILE:5: unknown key 'recipe.batchsize', did you mean 'batch_size'?; allowed keys: "
                "optimizer, learning_rate, momentum, weight_decay, decays, schedule, warmup, "
                "batch_size, label_smoothing, mixup, cutout, crop_padding, flip, clip_norm, ema, "
                "teacher, phases"
            ),
        ),
        (
            "optimizer: adam",
            "optimizer: sgd",
            (
                "FILE:5: 'recipe': momentum must be given for the optimizer 'sgd' and for no "
                "other, but optimizer is 'sgd' and momentum None; add momentum: 0.9"
            ),
        ),
    ],
)
def test_a_wrong_file_is_refused(file: Path, old: str, new: str, expected: str) -> None:
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(InvalidEvaluator) as caught:
        load_evaluator(file)
    assert str(caught.value).replace(str(file), "FILE") == expected


def test_resolved_settings_rebuild_the_same_evaluator(file: Path) -> None:
    definition = load_evaluator(file)
    dumped = yaml.safe_load(yaml.safe_dump(definition.model_dump()))
    assert EvaluatorDefinition.model_validate(dumped) == definition


def test_build_replaces_what_is_given(file: Path) -> None:
    built = load_evaluator(file).build(threads=2, device="cpu")
    assert built.definition.threads == 2
    assert built.facts == Facts(image_size=8, in_channels=1, num_classes=10)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"threads": 0},
            "evaluator 'quick': 'threads' must be greater than or equal to 1, but got 0",
        ),
        (
            {"data": "digit"},
            (
                "evaluator 'quick': 'data': unknown data set 'digit'; did you mean 'digits'? "
                "available: digits, hf:NAME, or give a path, as ./images or images.npz"
            ),
        ),
    ],
)
def test_build_refuses(file: Path, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        load_evaluator(file).build(**given)
    assert str(caught.value) == expected


def test_a_missing_cuda_device_is_said_before_the_search(file: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(InvalidConfiguration) as caught:
        load_evaluator(file).build(device="cuda").check_device()
    assert str(caught.value) == (
        "device 'cuda' needs a CUDA device that PyTorch can use, but there is none; "
        "use device 'cpu'"
    )


def test_own_data_are_found_from_any_working_directory(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.npz"
    np.savez(own, x=np.zeros((24, 5, 5, 3), np.uint8), y=np.arange(24) % 2)
    monkeypatch.chdir(tmp_path)
    built = load_evaluator(file).build(data="own.npz")
    assert built.definition.data == str(own)
    assert built.facts == Facts(image_size=5, in_channels=3, num_classes=2)


def test_wrong_data_are_refused_before_the_search(file: Path, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.npz")
    with pytest.raises(InvalidData) as caught:
        load_evaluator(file).build(data=missing)
    assert str(caught.value) == (
        f"{missing}: the file must be a readable .npz archive of plain arrays, but No such file "
        "or directory; save it with numpy.savez_compressed(path, x=..., y=...)"
    )


def test_an_evaluator_travels_to_workers(file: Path) -> None:
    built = load_evaluator(file).build()
    sent = pickle.dumps(built)
    assert len(sent) < 5000
    received = pickle.loads(sent)  # noqa: S301
    assert isinstance(received, ProxyTraining)
    assert received == built


def loaded_by(program: str, *modules: str) -> set[str]:
    """Return which of `modules` are loaded after `program` ran."""
    program += f"\nimport sys\nprint(*[name for name in {modules} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_listing_needs_no_heavy_package() -> None:
    program = "from bnas.evaluation import evaluator_descriptions as list_all; list_all()"
    assert not loaded_by(program, "torch", "ray", "optuna", "pandas", "sklearn", "PIL")


def test_costing_needs_no_torch() -> None:
    program = (
        "from bnas.evaluation import load_evaluator\n"
        "from bnas.space import load_space\n"
        "evaluator = load_evaluator('digits').build()\n"
        "for _, architecture in load_space('resnet').first_candidates:\n"
        "    evaluator.cost(architecture)\n"
    )
    assert not loaded_by(program, "torch", "ray", "optuna")  # scikit-learn loads pandas
