"""The table from the name of a zero-cost score to what it computes, for architectures."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn

from bnas import blocks
from bnas.architecture import Architecture
from bnas.cost import Totals, ledger
from bnas.data import Facts
from bnas.data.memory import Examples
from bnas.evaluation.zero_cost.definition import ScoreName
from bnas.evaluation.zero_cost.flow import synflow
from bnas.evaluation.zero_cost.gradients import gradient_norm, jacobian_covariance
from bnas.evaluation.zero_cost.patterns import naswot


def score(
    name: ScoreName,
    architecture: Architecture,
    *,
    examples: Examples,
    facts: Facts,
    batch_size: int,
    seeds: Sequence[int],
) -> float:
    """One zero-cost score of an architecture, the mean over seeds; higher is better.

    "params" and "ops" are exact and need neither a network nor images: what the others have to
    beat.

    Args:
        name: Which score.
        architecture: The design.
        examples: Training images, on the device that the score is computed on.
        facts: Of the data.
        batch_size: Images that the score looks at.
        seeds: Each decides initial weights, and which images.

    Raises:
        EvaluationFailed: The score is not defined for this architecture.
    """
    if name in _COSTS:
        priced = ledger(
            architecture,
            image_size=facts.image_size,
            num_classes=facts.num_classes,
            in_channels=facts.in_channels,
        )
        return _COSTS[name](priced.totals)
    found = []
    for seed in seeds:
        network = blocks.build(
            architecture,
            in_channels=facts.in_channels,
            num_classes=facts.num_classes,
            image_size=facts.image_size,
            seed=seed,
        )
        batch = _batch(examples, batch_size, seed)
        found.append(_SCORES[name](network.to(examples.device), *batch))
    return fmean(found)


def _batch(examples: Examples, batch_size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W), without augmentation, and labels (N,); fewer if there are no more."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(examples), generator=generator)[:batch_size]
    ((x_NHWC, y_N),) = examples.batches([order])
    return x_NHWC.permute(0, 3, 1, 2), y_N


_SCORES: Final[Mapping[ScoreName, Callable[[nn.Module, Tensor, Tensor], float]]] = MappingProxyType(
    {
        "grad-norm": gradient_norm,
        "naswot": lambda network, x, _: naswot(network, x),
        "synflow": lambda network, x, _: synflow(
            network, in_channels=x.shape[1], image_size=x.shape[2]
        ),
        "jacobian-covariance": lambda network, x, _: jacobian_covariance(network, x),
    }
)

_COSTS: Final[Mapping[ScoreName, Callable[[Totals], float]]] = MappingProxyType(
    {
        "params": lambda totals: totals.value("binary_params") + totals.value("real_params"),
        "ops": lambda totals: totals.value("ops"),
    }
)
