"""Optimizers of recipes and what decays."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import nn

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.blocks import BinaryConv2d, build
from bnas.training import Recipe
from bnas.training.optimizers import optimizer, split_by_decay


def test_only_weights_of_convolutions_and_linear_layers_decay(
    network: Callable[[], nn.Module], recipe: Recipe
) -> None:
    model = network()
    decaying, rest = split_by_decay(model, recipe)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert [names[id(parameter)] for parameter in decaying] == ["0.weight", "4.weight"]
    assert [names[id(parameter)] for parameter in rest] == [
        "1.weight",
        "1.bias",
        "2.weight",
        "4.bias",
    ]


@pytest.mark.parametrize(
    ("settings", "kind", "extra"),
    [
        ({"optimizer": "adam"}, torch.optim.Adam, {}),
        ({"optimizer": "adamw"}, torch.optim.AdamW, {}),
        ({"optimizer": "sgd", "momentum": 0.8}, torch.optim.SGD, {"momentum": 0.8}),
    ],
)
def test_settings_arrive(settings: dict[str, Any], kind: type, extra: dict[str, Any]) -> None:
    recipe = Recipe.model_validate(
        {
            "learning_rate": 0.3,
            "weight_decay": 0.01,
            "schedule": "constant",
            "batch_size": 2,
        }
        | settings
    )
    built = optimizer(nn.Linear(2, 2), recipe)
    assert type(built) is kind
    assert [group["weight_decay"] for group in built.param_groups] == [0.01, 0.0]
    for group in built.param_groups:
        assert group["lr"] == 0.3
        assert {name: group[name] for name in extra} == extra


def test_latent_weights_decay_but_neither_scales_nor_thresholds(recipe: Recipe) -> None:
    unit = Unit(
        threshold="learnable",
        weight_scale="learned",
        nonlinearity="rprelu",
        placement="after-addition",
    )
    design = Architecture(
        skeleton="resnet", stem=Stem(width=8), stages=(Stage(depth=1, width=8, unit=unit),)
    )
    model = build(design, num_classes=3)
    decaying, rest = split_by_decay(model, recipe)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(parameter)] for parameter in decaying} == {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear, BinaryConv2d))
    }
    assert len(decaying) + len(rest) == len(names)
    assert len(decaying) == 4  # stem, two binary convolutions, classifier


@pytest.mark.parametrize(
    ("decays", "expected"),
    [
        (
            ["latent-weights"],
            {"stage1.block1.unit1.conv.weight", "stage1.block1.unit2.conv.weight"},
        ),
        (["real-weights"], {"stem.conv.weight", "classifier.weight"}),
        (
            ["norms"],
            {
                f"{norm}.{name}"
                for norm in ("stem.norm", "stage1.block1.unit1.norm", "stage1.block1.unit2.norm")
                for name in ("weight", "bias")
            },
        ),
        (
            ["rest"],
            {"classifier.bias"}
            | {
                f"stage1.block1.unit{number}.{name}"
                for number in (1, 2)
                for name in ("conv.scale.weight", "threshold.weight", "nonlinearity.weight")
            },
        ),
        ([], set()),
    ],
)
@pytest.mark.parametrize("bits", [8, 32])
def test_what_decays_is_said_by_kind(
    recipe: Recipe, decays: list[str], expected: set[str], bits: Literal[8, 32]
) -> None:
    unit = Unit(
        threshold="learnable",
        weight_scale="learned",
        nonlinearity="prelu",
        placement="after-addition",
    )
    design = Architecture(
        skeleton="resnet",
        stem=Stem(width=8, bits=bits),
        stages=(Stage(depth=1, width=8, unit=unit),),
    )
    model = build(design, num_classes=3)
    decaying, _ = split_by_decay(model, recipe.model_copy(update={"decays": tuple(decays)}))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(parameter)] for parameter in decaying} == expected
