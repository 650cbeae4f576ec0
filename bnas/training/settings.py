"""Parts of a recipe: courses of the learning rate, phases, teachers."""

import os
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Positive: TypeAlias = Annotated[float, Field(gt=0)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
PartOfOne: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Pixels: TypeAlias = Annotated[int, Field(ge=0)]
BatchSize: TypeAlias = Annotated[int, Field(ge=2)]
Decaying: TypeAlias = Literal["real-weights", "latent-weights", "norms", "rest"]
Weights: TypeAlias = Literal["real", "binary"]


class Settings(BaseModel):
    """Frozen, comparable, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Steps(Settings):
    """A learning rate that falls at milestones.

    Attributes:
        milestones: rising; all below 1, shares of the phase, or all whole, epochs of it.
        factor: by which the rate is multiplied at each.
    """

    milestones: Annotated[tuple[Positive, ...], Field(min_length=1)]
    factor: float = Field(gt=0, lt=1)


def _form(value: object) -> str:
    return "name" if isinstance(value, str) else "steps"


# By its form, so that what is wrong with one is not said of the other.
Schedule: TypeAlias = Annotated[
    Annotated[Literal["cosine", "linear", "constant"], Tag("name")]
    | Annotated[Steps, Tag("steps")],
    Discriminator(_form),
]


class Changes(Settings):
    """Settings that a part of a training has for itself; None: as its recipe (see `Recipe`)."""

    learning_rate: Positive | None = None
    weight_decay: NotNegative | None = None
    decays: tuple[Decaying, ...] | None = None
    schedule: Schedule | None = None
    warmup: PartOfOne | None = None
    batch_size: BatchSize | None = None
    label_smoothing: PartOfOne | None = None
    mixup: NotNegative | None = None
    cutout: Pixels | None = None
    crop_padding: Pixels | None = None
    flip: bool | None = None
    clip_norm: NotNegative | None = None


class PhaseForm(Changes):
    """A phase as it is written: its length, what it trains, and what it changes.

    Attributes:
        share: length relative to the sum over all phases: 120 and 40 divide 160 epochs so, and 16
            epochs into 12 and 4.
        weights: whether the convolutions of units have binary weights, or their latent weights as
            they are.
        coupled: whether activations that the design pairs are ternary, see `bnas.blocks.pairs`.
    """

    share: Positive
    weights: Weights = "binary"
    coupled: bool = False


class Teacher(Changes):
    """Whose softmax a network is to have; the settings are those of the training of a twin.

    Attributes:
        network: "twin", the real-valued twin of the design (see `bnas.blocks.twin`), which is
            trained first; the path of a network that was trained before, as `bnas.load` takes it;
            or PACKAGE.MODULE:FUNCTION, which is called without arguments and returns a torch
            module that maps normalised images (N, C, H, W) to logits. That runs the user's code.
        weight: factor of the distributional loss that is added to the cross-entropy; None takes
            the distributional loss alone, so that no label is used.
        epochs: of the twin's training; None: as many as the design's.
    """

    network: str = "twin"
    weight: Positive | None = None
    epochs: Annotated[int, Field(ge=1)] | None = None

    @property
    def kind(self) -> Literal["twin", "network", "function"]:
        """What `network` names: a path has a separator or ends as a file of weights does."""
        if self.network == "twin":
            return "twin"
        is_path = os.sep in self.network or self.network.endswith(".safetensors")
        return "network" if is_path else "function"
