"""Writes a trained network as a folder: weights, latent weights, and what they are.

A tensor of either file has the name that it has in the built network. In `weights.safetensors`
the weight of a binary convolution is packed to bits (see `bnas.export.packing`), its scales lie
beside it as `scale.value`, and everything else is float32. What only training needs is left out:
latent weights, the sharpness of estimators, and in both files the counters of norms.
`latent.safetensors` holds the network as it was trained, all in float32.
"""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save
from torch import Tensor, nn

import bnas
from bnas.architecture import Design, digest, to_dict
from bnas.blocks.frozen import freeze
from bnas.export.contents import Entry, entries
from bnas.export.facts import (
    FACTS_FILE,
    LATENT_FILE,
    WEIGHTS_FILE,
    Normalisation,
    TensorFile,
    TestResult,
    TrainedFacts,
    Training,
)
from bnas.export.packing import packed
from bnas.files import replace

# A JSON file is read up to a size, see `bnas.definitions`.
_MOST_BYTES: Final = 100_000


def write_network(
    folder: Path,
    network: nn.Module,
    *,
    design: Design,
    normalisation: Normalisation,
    training: Training | None = None,
    test: TestResult | None = None,
    class_names: tuple[str, ...] | None = None,
    latent: bool = True,
) -> TrainedFacts:
    """Writes a network into a folder of its own, `design.json` last.

    Args:
        folder: Where; made if missing, and what it holds of an earlier network is replaced.
        network: What `bnas.blocks.build` made of the design, in float32; left as it is.
        design: The design, and the images that it is trained for.
        normalisation: What is done to pixels before the network sees them.
        training: How it was trained, if that is known.
        test: What it reached on the test split, if it was tested.
        class_names: What the classes are called, in order, if that is known.
        latent: Whether to write the latent weights too, from which it can be trained further.

    Returns:
        The content of `design.json`.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Weights without facts are not mistaken for a network.
    (folder / FACTS_FILE).unlink(missing_ok=True)
    kept = _write(folder / LATENT_FILE, network) if latent else None
    deployed = _write(folder / WEIGHTS_FILE, freeze(copy.deepcopy(network)))
    facts = TrainedFacts.model_validate(
        {
            "name": design.name,
            "digest": digest(design.architecture),
            "image_size": design.image_size,
            "in_channels": design.in_channels,
            "num_classes": design.num_classes,
            "class_names": _short(class_names),
            "normalisation": normalisation,
            "training": training,
            "test": test,
            "versions": {"bnas": bnas.__version__, "torch": torch.__version__},
            "weights": deployed,
            "latent": kept,
            "architecture": to_dict(design.architecture),
        }
    )
    replace(folder / FACTS_FILE, _json(facts.as_dict()))
    return facts


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def _short(class_names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Names, as long as `design.json` has room for them."""
    return None if len(_json(class_names)) > _MOST_BYTES else class_names


def _write(path: Path, network: nn.Module) -> TensorFile:
    content = save({entry.name: _stored(entry) for entry in entries(network)})
    replace(path, content)
    return TensorFile(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _stored(entry: Entry) -> Tensor:
    return packed(entry.tensor) if entry.binary else entry.tensor.cpu().contiguous()
