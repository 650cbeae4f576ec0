"""Trainings that one process and several do alike; run as a script, it is one of several.

python together.py RANK NUMBER MEETING_FILE RESULT
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, distributed

from bnas.architecture import Architecture, Stage, Stem, Unit
from bnas.data import LabelledImages
from bnas.data.memory import SearchData, search_data
from bnas.training import Recipe, course
from bnas.training.loop import train
from bnas.training.parallel import is_first

PLAIN = Unit(threshold="learnable", nonlinearity="rprelu", placement="after-addition")
SCALED = Unit(
    weight_scale="learned",
    regulariser="r2",
    regulariser_weight=1e-3,
    activation_estimator="signswish",
    activation_beta="learnable",
    attention="data-driven",
)
FORM = {"optimizer": "adam", "learning_rate": 0.01, "schedule": "cosine", "batch_size": 27}
PAIRED = Unit(
    activation_levels="paired", activation_estimator=None, threshold=None, order="norm-sign-conv"
)
STEPS = [{"share": 0.5, "weights": "real"}, {"share": 0.5, "weights": "binary"}]
DUO = [{"share": 0.5, "coupled": True}, {"share": 0.5}]


class Case(NamedTuple):
    """A design, a recipe beside `FORM`, and whether a twin teaches."""

    design: Architecture
    recipe: dict[str, Any]
    taught: bool = False


def design(unit: Unit, **stem: Any) -> Architecture:
    """Two blocks."""
    stages = (
        Stage(depth=1, width=8, unit=unit),
        Stage(
            depth=1, width=16, stride=2, unit=unit, widening="convolution", downsampling="duplicate"
        ),
    )
    return Architecture(skeleton="resnet", stem=Stem(width=8, **stem), stages=stages)


CASES = {
    "plain": Case(design(PLAIN), {"crop_padding": 1, "flip": True}),
    "8-bit stem": Case(design(PLAIN, bits=8), {"optimizer": "sgd", "momentum": 0.9}),
    "two steps, mixed, averaged, clipped": Case(
        design(SCALED), {"phases": STEPS, "mixup": 0.4, "ema": 0.9, "clip_norm": 1.0}
    ),
    "coupled, then apart": Case(design(PAIRED), {"phases": DUO}),
    "taught": Case(design(PLAIN), {"teacher": {"weight": 0.5}}, taught=True),
}


def images() -> SearchData:
    """Three classes that differ in brightness, with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    noise = rng.integers(0, 60, (120, 8, 8, 2))
    pixels = (noise + 60 * labels[:, None, None, None]).astype(np.uint8)
    return search_data(LabelledImages(pixels=pixels, labels=labels), split_seed=0)


def trained(case: Case, data: SearchData) -> tuple[list[float], dict[str, Tensor]]:
    """Losses and final state of a training in double precision.

    In single precision, adding in another order changes a sign here and there, and every such
    change is one of the loss.
    """
    recipe = Recipe.model_validate(FORM | case.recipe)
    training = course.begin(case.design, recipe, facts=data.facts, seed=0)
    for network in (training.model, training.average):
        if network is not None:
            network.double()
    logits, teacher = training.logits, None
    training.logits = lambda model, x_NCHW: logits(model, x_NCHW.double())
    if case.taught:
        teacher = course.begin_twin(case.design, recipe, facts=data.facts, seed=1).model
    results = list(train(training, data.train, recipe, epochs=2, teacher=teacher))
    return [result.loss for result in results], training.network.state_dict()


def main(rank: str, number: str, meeting: str, result: str) -> None:
    """Trains every case in one of several processes."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=int(rank), world_size=int(number)
    )
    data = images()
    found = {name: trained(case, data) for name, case in CASES.items()}
    if is_first():
        torch.save(found, Path(result))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
