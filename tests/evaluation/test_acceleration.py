"""Acceleration as evaluators have it."""

from typing import Any

import pytest
import torch
from torch import nn

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.blocks import unit as blocks
from bnas.data.memory import Examples
from bnas.estimators.plain import is_plain
from bnas.evaluation import ProxyTraining, load_evaluator
from bnas.evaluation import trial as trial_module
from bnas.evaluation.keeper import identity
from bnas.search import Progress
from bnas.training import Acceleration
from bnas.training import regions as regions_module
from bnas.training.loop import Score, score
from bnas.training.regions import compilation

SMALL = Architecture(
    skeleton="resnet",
    stem=Stem(width=8),
    stages=(Stage(depth=1, width=8, unit=Unit(nonlinearity="prelu", placement="after-addition")),),
)


def evaluator(**settings: object) -> ProxyTraining:
    acceleration = Acceleration.model_validate(settings)
    changes = {"acceleration": acceleration, "epochs": 2}
    return load_evaluator("digits").model_copy(update=changes).build()


def epochs(**settings: object) -> list[Progress]:
    seen: list[Progress] = []

    def report(progress: Progress) -> bool:
        seen.append(progress)
        return True

    evaluator(**settings).evaluate(SMALL, seed=0, report=report)
    return seen


def losses(found: list[Progress]) -> list[float]:
    return [progress.loss for progress in found]


def test_short_trainings_are_not_compiled() -> None:
    assert losses(epochs()) == losses(epochs(compile="none"))


def test_the_plain_form_trains_alike() -> None:
    ours, plain = epochs(), epochs(plain=True)
    assert losses(plain) == pytest.approx(losses(ours), rel=0.2)
    assert not is_plain()


def test_bfloat16_trains_alike() -> None:
    full, half = epochs(), epochs(precision="bfloat16")
    assert losses(half) != losses(full)
    assert losses(half) == pytest.approx(losses(full), rel=0.2)


def test_an_average_is_scored_in_the_precision_it_was_trained_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: set[torch.dtype | None] = set()

    def score_noted(network: nn.Module, examples: Examples) -> Score:
        seen.update(
            module.precision for module in network.modules() if isinstance(module, blocks.Unit)
        )
        return score(network, examples)

    monkeypatch.setattr(trial_module, "score", score_noted)
    averaging = evaluator(precision="bfloat16").definition
    recipe = averaging.recipe.model_copy(update={"ema": 0.9})
    proxy = averaging.model_copy(update={"recipe": recipe, "epochs": 1}).build()
    proxy.evaluate(SMALL, seed=0, report=lambda _: True)
    assert seen == {torch.bfloat16}


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated:DeprecationWarning")
def test_a_failure_to_compile_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(graph: torch.fx.GraphModule, inputs: Any) -> object:
        raise RuntimeError("no compiler here")

    torch._dynamo.reset()
    found = compilation(dynamic=True, backend=fail)
    monkeypatch.setattr(regions_module, "_compilation", lambda _: found)
    seen = epochs(compile="regions", kernels=False)
    problem = (
        "units are trained without compilation, which failed: backend='fail' raised: "
        "RuntimeError: no compiler here"
    )
    assert [progress.note for progress in seen] == [problem, None]
    assert losses(seen) == losses(epochs(compile="none", kernels=False))


def test_a_checkpoint_may_be_gone_on_with_compiled_but_not_in_another_precision() -> None:
    def name(**settings: object) -> str:
        return identity(evaluator(**settings).definition, SMALL, 0)

    assert name() == name(compile="regions") == name(plain=True)
    assert name() != name(precision="bfloat16")
