"""The training loop on a problem of milliseconds."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnas.data.memory import Examples, SearchData
from bnas.errors import EvaluationFailed
from bnas.estimators import Estimator
from bnas.training import Recipe, learning_rate
from bnas.training.loop import EpochResult, Training, begin, score, train

Network = Callable[[], nn.Module]


def results(
    model: nn.Module, data: SearchData, recipe: Recipe, *, seed: int = 0, epochs: int = 4
) -> list[EpochResult]:
    training = begin(model, recipe, seed=seed)
    return list(train(training, data.train, recipe, epochs=epochs))


def whole(examples: Examples) -> tuple[Tensor, Tensor]:
    """All images as one batch."""
    return next(examples.batches([torch.arange(len(examples))]))


def test_learns(network: Network, data: SearchData, recipe: Recipe) -> None:
    model = network()
    found = results(model, data, recipe, epochs=12)
    assert [result.epoch for result in found] == list(range(1, 13))
    assert found[-1].loss < 0.4 < found[0].loss
    assert score(model, data.validation).accuracy == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"crop_padding": 1, "flip": True},
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "adamw", "weight_decay": 0.1, "label_smoothing": 0.1},
    ],
)
def test_same_seed_gives_the_same_bits(
    network: Network, data: SearchData, recipe: Recipe, change: dict[str, Any]
) -> None:
    recipe = Recipe.model_validate(recipe.model_dump() | change)
    first, second = network(), network()
    assert results(first, data, recipe) == results(second, data, recipe)
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_seed_decides_the_order_of_the_images(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    assert results(network(), data, recipe) != results(network(), data, recipe, seed=1)


@pytest.mark.usefixtures("untouched_global_random")
def test_global_random_state_is_neither_used_nor_changed(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    recipe = recipe.model_copy(update={"crop_padding": 1, "flip": True})
    results(network(), data, recipe)


def test_going_on_from_a_saved_epoch_equals_an_uninterrupted_training(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    recipe = recipe.model_copy(update={"crop_padding": 1})
    whole = network()
    expected = results(whole, data, recipe)

    def advance(training: Training, num_epochs: int) -> list[EpochResult]:
        running = train(training, data.train, recipe, epochs=4)
        return [next(running) for _ in range(num_epochs)]

    early = begin(network(), recipe, seed=0)
    found = advance(early, 2)
    saved = copy.deepcopy(
        (early.model.state_dict(), early.optimizer.state_dict(), early.generator.get_state())
    )
    late = begin(network(), recipe, seed=99)
    late.model.load_state_dict(saved[0])
    late.optimizer.load_state_dict(saved[1])
    late.generator.set_state(saved[2])
    late.epoch = early.epoch
    found += advance(late, 2)
    assert found == expected
    for one, other in zip(
        late.model.state_dict().values(), whole.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_progress_rises_from_zero_to_below_one(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    class Watching(Estimator):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[float] = []

        def set_progress(self, progress: float) -> None:
            self.seen.append(progress)

        def forward(self, x: Tensor) -> Tensor:
            return x

    watching = Watching()
    results(nn.Sequential(network(), watching), data, recipe, epochs=3)
    seen = watching.seen
    assert seen == [step / 15 for step in range(15)]  # 80 images are 5 batches of 16


def test_every_image_is_seen_once_an_epoch_in_equal_batches(
    data: SearchData, recipe: Recipe
) -> None:
    class Recorder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(32, 3)
            self.batches: list[Tensor] = []

        def forward(self, x_NCHW: Tensor) -> Tensor:
            assert x_NCHW.is_contiguous(memory_format=torch.channels_last)
            if self.training:
                self.batches.append(x_NCHW.permute(0, 2, 3, 1))
            logits: Tensor = self.linear(x_NCHW.flatten(1))
            return logits

    recorder = Recorder()
    results(recorder, data, recipe.model_copy(update={"batch_size": 30}), epochs=1)
    assert [len(batch) for batch in recorder.batches] == [27, 27, 26]
    seen = torch.cat(recorder.batches).flatten(1)
    expected = whole(data.train)[0].flatten(1)
    assert not torch.equal(seen, expected)
    assert torch.equal(seen.sort(dim=0).values, expected.sort(dim=0).values)


def test_every_step_uses_the_scheduled_learning_rate(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    training = begin(network(), recipe, seed=0)
    rates: list[float] = []
    training.optimizer.register_step_pre_hook(
        lambda optimizer, *_: rates.extend(group["lr"] for group in optimizer.param_groups)
    )
    for _ in train(training, data.train, recipe, epochs=2):
        pass
    expected = [learning_rate(recipe, step=step, num_steps=10, epochs=2) for step in range(10)]
    assert rates == [rate for rate in expected for _ in range(2)]


def test_score_equals_the_definition(network: Network, data: SearchData) -> None:
    model = network()
    found = score(model, data.validation)
    assert not model.training
    x_NHWC, y_N = whole(data.validation)
    with torch.no_grad():
        log_probabilities = model(x_NHWC.permute(0, 3, 1, 2)).log_softmax(dim=1)
    correct = (log_probabilities.argmax(1) == y_N).sum().item()
    assert found.accuracy == correct / len(data.validation)
    expected = -log_probabilities.gather(1, y_N[:, None]).mean().item()
    assert found.loss == pytest.approx(expected, rel=1e-6)


def test_diverging_training_names_epoch_and_step(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = network()
            self.steps = 0

        def forward(self, x_NCHW: Tensor) -> Tensor:
            self.steps += self.training
            factor = float("nan") if self.steps == 8 else 1.0
            logits: Tensor = self.model(x_NCHW) * factor
            return logits

    with pytest.raises(EvaluationFailed) as caught:
        results(Broken(), data, recipe)
    assert str(caught.value) == (
        "the training loss must stay finite, but is nan in epoch 2, step 3 of 5; "
        "lower learning_rate (now 0.01) or raise warmup (now 0.1)"
    )


def test_a_rate_far_too_high_is_a_failure_not_a_score(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    recipe = recipe.model_copy(
        update={"optimizer": "sgd", "momentum": 0.9, "learning_rate": 1e30, "warmup": 0.0}
    )
    with pytest.raises(EvaluationFailed, match=r"^the training loss must stay finite, but is "):
        results(network(), data, recipe)
