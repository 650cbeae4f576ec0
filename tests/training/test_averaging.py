"""The moving average of weights against NumPy, and that it is what is scored and saved."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from bnas.data.memory import SearchData
from bnas.training import Recipe
from bnas.training.averaging import Pairs, averaged, effective_decay, update
from bnas.training.loop import begin, score, train

Network = Callable[[], nn.Module]


def test_formula_of_weights_and_of_the_statistics_of_norms() -> None:
    model = nn.BatchNorm2d(3)
    average = averaged(model)
    rng = np.random.default_rng(0)
    weight, mean = np.ones(3), np.zeros(3)
    for step in range(20):
        new_weight, new_mean = rng.normal(size=3), rng.normal(size=3)
        with torch.no_grad():
            model.weight.copy_(torch.from_numpy(new_weight))
            model.get_buffer("running_mean").copy_(torch.from_numpy(new_mean))
            model.get_buffer("num_batches_tracked").fill_(step + 1)
        update(Pairs.of(average, model), decay=0.5, step=step)
        decay = min(0.5, (1 + step) / (10 + step))
        weight = decay * weight + (1 - decay) * new_weight
        mean = decay * mean + (1 - decay) * new_mean
    np.testing.assert_allclose(average.get_parameter("weight").numpy(), weight, rtol=1e-5)
    np.testing.assert_allclose(average.get_buffer("running_mean").numpy(), mean, rtol=1e-5)
    assert average.get_buffer("num_batches_tracked").item() == 20


def test_decay_rises_to_its_value() -> None:
    assert effective_decay(0.999, 0) == 0.1
    assert effective_decay(0.999, 90) == 0.91
    assert effective_decay(0.999, 10**6) == 0.999


def test_the_average_is_the_network_of_a_training(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    recipe = recipe.model_copy(update={"ema": 0.99})
    training = begin(network(), recipe, seed=0)
    for _ in train(training, data.train, recipe, epochs=12):
        pass
    assert training.network is training.average
    assert training.network is not training.model
    assert not any(parameter.requires_grad for parameter in training.network.parameters())
    first, last = training.network.state_dict(), training.model.state_dict()
    assert not torch.equal(first["0.weight"], last["0.weight"])
    assert score(training.network, data.validation).accuracy > 0.9


def test_averaging_does_not_change_what_is_trained(
    network: Network, data: SearchData, recipe: Recipe
) -> None:
    def trained(ema: float) -> nn.Module:
        own = recipe.model_copy(update={"ema": ema})
        training = begin(network(), own, seed=0)
        assert [result.epoch for result in train(training, data.train, own, epochs=3)] == [1, 2, 3]
        return training.model

    with_average, without = trained(0.9).state_dict(), trained(0.0).state_dict()
    assert all(torch.equal(with_average[name], value) for name, value in without.items())


def test_without_an_average_the_model_is_the_network(network: Network, recipe: Recipe) -> None:
    training = begin(network(), recipe, seed=0)
    assert training.network is training.model


@pytest.mark.parametrize("clip_norm", [0.0, 1e-3])
def test_gradients_are_clipped_to_a_norm(
    network: Network, data: SearchData, recipe: Recipe, clip_norm: float
) -> None:
    recipe = recipe.model_copy(update={"clip_norm": clip_norm, "optimizer": "sgd", "momentum": 0.0})
    training = begin(network(), recipe, seed=0)
    norms: list[float] = []

    def measure(optimizer: torch.optim.Optimizer, *_: object) -> None:
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
        norms.append(torch.stack([g.norm() for g in gradients if g is not None]).norm().item())

    training.optimizer.register_step_pre_hook(measure)
    for _ in train(training, data.train, recipe, epochs=1):
        pass
    if clip_norm:
        assert norms == pytest.approx([clip_norm] * len(norms), rel=1e-3)
    else:
        assert min(norms) > 0.01
