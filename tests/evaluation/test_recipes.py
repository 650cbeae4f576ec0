"""Every shipped recipe, shortened, on the digits: it learns, and a kill changes no bit."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from bnas.architecture import Architecture, Stage, Stem, Unit, valid
from bnas.definitions import available
from bnas.errors import InvalidConfiguration, InvalidWeights
from bnas.evaluation import EvaluatorDefinition, load_evaluator, teachers
from bnas.evaluation.teachers import teacher_for
from bnas.search import Checkpoint, Evaluation, Progress
from bnas.training import Recipe, course
from bnas.training.loop import score, train

REACTNET: Final = Unit(
    activation_estimator="approxsign",
    threshold="learnable",
    weight_scale="mean-detached",
    nonlinearity="rprelu",
    placement="after-addition",
)
BNN_PLUS: Final = Unit(
    activation_estimator="signswish",
    activation_beta=5.0,
    weight_estimator="signswish",
    weight_beta=5.0,
    weight_scale="learned",
    regulariser="r1",
    shortcut="none",
)
BINARY_DUO: Final = Unit(
    activation_levels="paired", weight_scale="mean", order="norm-sign-conv", shortcut="block"
)
FTBNN: Final = Unit(weight_scale="mean", nonlinearity="prelu", groups=2)

DESIGNS: Final[dict[str, tuple[Any, Unit]]] = {
    "cifar10-full": ("resnet", REACTNET),
    "cifar10-two-step": ("resnet", REACTNET),
    "cifar10-bnn-plus": ("vgg", BNN_PLUS),
    "cifar10-binaryduo": ("resnet", BINARY_DUO),
    "cifar10-ftbnn": ("resnet", FTBNN),
}
EPOCHS: Final = 4


def design(name: str) -> Architecture:
    skeleton, unit = DESIGNS[name]
    stages = (Stage(depth=1, width=8, unit=unit), Stage(depth=1, width=16, stride=2, unit=unit))
    return valid(Architecture(skeleton=skeleton, stem=Stem(width=8), stages=stages))


def shortened(name: str, *, epochs: int = EPOCHS, **recipe: Any) -> EvaluatorDefinition:
    """The evaluator with a rate for few steps; all else is as it is shipped."""
    values = load_evaluator(name).model_dump()
    values |= {"epochs": epochs, "data": "digits"}
    values["recipe"] |= {"learning_rate": 0.01, "batch_size": 64, "flip": False, "crop_padding": 1}
    if values["recipe"]["teacher"] is not None:
        values["recipe"]["teacher"]["epochs"] = 2
    values["recipe"] |= recipe
    return EvaluatorDefinition.model_validate(values)


class Cut(BaseException):
    """Stands for whatever ends a process."""


def evaluated(
    definition: EvaluatorDefinition,
    checkpoint: Checkpoint | None = None,
    *,
    cut_after: int | None = None,
) -> tuple[Evaluation, list[Progress]]:
    reported: list[Progress] = []

    def report(progress: Progress) -> bool:
        if progress.epoch - 1 == cut_after:
            raise Cut
        reported.append(replace(progress, seconds=0.0))
        return True

    found = definition.build().evaluate(
        design(definition.name), seed=0, report=report, checkpoint=checkpoint
    )
    return replace(found, seconds=0.0), reported


@pytest.mark.gpu
@pytest.mark.parametrize("name", DESIGNS)
def test_a_recipe_trains_on_a_gpu(name: str) -> None:
    everything: dict[str, Any] = {
        "mixup": 0.2,
        "cutout": 2,
        "ema": 0.9,
        "clip_norm": 1.0,
        "flip": True,
    }
    evaluator = shortened(name, **everything).build(device="cuda")
    found = evaluator.evaluate(design(name), seed=0, report=lambda _: True)
    assert found.epochs == EPOCHS


def test_every_recipe_for_cifar10_that_ships_is_tried_here() -> None:
    shipped = {name for name in available("evaluators") if name.startswith("cifar10-")}
    assert shipped - {"cifar10-proxy"} == set(DESIGNS)


@pytest.mark.parametrize("name", DESIGNS)
def test_a_recipe_trains_and_goes_on_after_a_kill_to_the_same_bits(
    name: str, tmp_path: Path
) -> None:
    definition = shortened(name)
    whole, expected = evaluated(definition)
    assert whole.accuracy > 0.2  # twice chance, after four epochs of a tiny network
    assert [progress.epoch for progress in expected] == [*range(1, EPOCHS + 1)]
    checkpoint = Checkpoint(folder=tmp_path / "0", interval_s=0.0)
    with pytest.raises(Cut):
        evaluated(definition, checkpoint, cut_after=3)
    resumed, reported = evaluated(definition, checkpoint)
    assert (resumed, reported) == (whole, expected)


@pytest.mark.parametrize(
    ("name", "epochs", "expected"),
    [
        (
            "cifar10-two-step",
            1,
            (
                "evaluator 'cifar10-two-step': 'epochs': every phase must have an epoch at least, "
                "but epochs=1 are divided by the shares 1, 1; take more epochs or other shares"
            ),
        ),
    ],
)
def test_too_few_epochs_are_refused_before_anything_is_trained(
    name: str, epochs: int, expected: str
) -> None:
    from bnas.definitions import validate

    values = load_evaluator(name).model_dump() | {"epochs": epochs}
    with pytest.raises(InvalidConfiguration) as caught:
        validate(values, EvaluatorDefinition, InvalidConfiguration, source=f"evaluator {name!r}")
    assert str(caught.value) == expected


def with_teacher(network: str, **settings: Any) -> EvaluatorDefinition:
    return shortened("cifar10-full", epochs=2, teacher={"network": network, **settings})


def taught(definition: EvaluatorDefinition, folder: Path | None = None) -> nn.Module | None:
    from bnas.data import read
    from bnas.data.memory import search_data

    data = search_data(read("digits"), split_seed=0)
    return teacher_for(
        definition,
        design(definition.name),
        data.train,
        facts=data.facts,
        device="cpu",
        folder=folder,
        interval_s=0.0,
    )


def test_a_recipe_without_a_teacher_has_none() -> None:
    assert taught(shortened("cifar10-full")) is None


def test_a_twin_is_trained_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = with_teacher("twin", epochs=2)
    first = taught(definition, tmp_path / "teachers")
    assert first is not None
    (kept,) = (tmp_path / "teachers").glob("*.pt")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("bnas.training.loop._train_epoch", refuse)
    again = taught(definition, tmp_path / "teachers")
    assert again is not None
    left, right = first.state_dict(), again.state_dict()
    assert all(torch.equal(left[name], right[name]) for name in left)
    # Damaged, it is trained anew.
    kept.write_bytes(b"")
    with pytest.raises(AssertionError):
        taught(definition, tmp_path / "teachers")


def test_a_twin_that_was_cut_short_is_trained_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = with_teacher("twin", epochs=2)
    expected = taught(definition)
    real = train

    def cut(*arguments: Any, **settings: Any) -> Any:
        for result in real(*arguments, **settings):
            yield result
            raise Cut

    with monkeypatch.context() as patched:
        patched.setattr(teachers, "train", cut)
        patched.setattr(teachers, "_epochs", lambda _: 2)
        with pytest.raises(Cut):
            taught(definition, tmp_path)
    found = taught(definition, tmp_path)
    assert expected is not None
    assert found is not None
    left, right = expected.state_dict(), found.state_dict()
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_workers_wait_for_a_twin_that_another_one_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition, real, trained = with_teacher("twin", epochs=2), train, []

    def counted(*arguments: Any, **settings: Any) -> Any:
        for result in real(*arguments, **settings):
            trained.append(result.epoch)
            yield result

    monkeypatch.setattr(teachers, "train", counted)
    with ThreadPoolExecutor(3) as workers:
        found = [*workers.map(lambda _: taught(definition, tmp_path), range(3))]
    assert trained == [1, 2]
    weights = [torch.cat([p.flatten() for p in one.parameters()]) for one in found if one]
    assert len(weights) == 3
    assert all(torch.equal(weights[0], other) for other in weights)


def test_a_twin_learns() -> None:
    from bnas.data import read
    from bnas.data.memory import search_data

    data = search_data(read("digits"), split_seed=0)
    recipe = Recipe.model_validate(
        shortened("cifar10-full").recipe.model_dump() | {"teacher": {"network": "twin"}}
    )
    twin = course.begin_twin(design("cifar10-full"), recipe, facts=data.facts, seed=0)
    for _ in train(twin, data.train, recipe.of_twin, epochs=4):
        pass
    assert score(twin.network, data.validation).accuracy > 0.75


class Answering(nn.Module):
    """A user's own network: one logit a class, whatever the images."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), 10)


def of_user() -> nn.Module:
    return Answering()


def of_other_classes() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def of_other_images() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3, 10))


def nothing() -> None:
    return None


@pytest.fixture
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "users_nets", sys.modules[__name__])


@pytest.mark.usefixtures("_importable")
def test_a_teacher_may_be_a_module_of_the_user() -> None:
    found = taught(with_teacher("users_nets:of_user"))
    assert isinstance(found, Answering)
    assert not found.training
    definition = with_teacher("users_nets:of_user", weight=1.0)
    assert evaluated(definition)[0].accuracy > 0.3


@pytest.mark.usefixtures("_importable")
@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (
            "no_such_package:net",
            (
                "the teacher 'no_such_package:net' must be a function that Python can import, but "
                "No module named 'no_such_package'; put its folder on PYTHONPATH, or correct the "
                "name"
            ),
        ),
        (
            "users_nets:nothing",
            (
                "the teacher's function 'users_nets:nothing' must return a torch module, but "
                "returned NoneType; return a module in place of it"
            ),
        ),
        (
            "users_nets:of_other_classes",
            (
                "the teacher 'users_nets:of_other_classes' must return logits of the shape (2, 10) "
                "for two images of the shape (1, 8, 8), but returned (2, 3); take one made for "
                "these data"
            ),
        ),
        (
            "users_nets:of_other_images",
            (
                "the teacher 'users_nets:of_other_images' must take images of the shape (1, 8, 8), "
                "but mat1 and mat2 shapes cannot be multiplied (2x64 and 3x10); take one made for "
                "these data"
            ),
        ),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused(network: str, expected: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        taught(with_teacher(network))
    assert str(caught.value) == expected


def test_a_teacher_that_is_no_trained_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "design.json").write_text(json.dumps({}), encoding="utf-8")
    with pytest.raises(InvalidWeights):
        taught(with_teacher(str(tmp_path / "net")))


def test_workers_find_a_trained_teacher_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    teacher = with_teacher("networks/abc").build().definition.recipe.teacher
    assert teacher is not None
    assert teacher.network == str(tmp_path / "networks" / "abc")
