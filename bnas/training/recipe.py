"""How a network is trained, as data: everything but the network, the images and the epochs."""

from itertools import accumulate
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bnas.definitions import Findings
from bnas.errors import InvalidConfiguration
from bnas.training.rules import breaches
from bnas.training.settings import (
    BatchSize,
    Changes,
    Decaying,
    NotNegative,
    PartOfOne,
    PhaseForm,
    Pixels,
    Positive,
    Schedule,
    Settings,
    Teacher,
    Weights,
)


class Recipe(Settings):
    """Settings of one training.

    Attributes:
        optimizer: Adam, AdamW (decay decoupled from the gradient) or SGD with momentum; Adam's
            other constants are PyTorch's.
        learning_rate: its largest value, reached at the end of the warm-up.
        momentum: of SGD; the others have none.
        weight_decay: applies to the parameters of `decays` and to no others.
        decays: "real-weights" of convolutions and linear layers; "latent-weights" of binary
            convolutions; weights and biases of "norms"; "rest": other biases, thresholds, slopes
            and scales, which are few and set the scale of what the weights only shape.
        schedule: course of the learning rate after the warm-up, see `bnas.training.schedule`.
        warmup: share of all steps in which the learning rate rises linearly.
        batch_size: images a step; batches of an epoch differ in size by at most one image.
        label_smoothing: share of the target spread over all classes; never used in validation.
        mixup: alpha of the Beta distribution that weighs the two images of a pair; 0: not mixed.
        cutout: side of the square that is blanked in each image, in pixels; 0: none.
        crop_padding: images are shifted at random by up to this many pixels each way; 0: not.
        flip: images are mirrored left to right at random.
        clip_norm: largest Euclidean norm of the gradient of all parameters; 0: not clipped.
        ema: decay of the moving average of the weights, which is what is scored and saved; 0:
            none, see `bnas.training.averaging`.
        teacher: adds the distributional loss or takes it alone, see `bnas.training.objective`.
        phases: one after the other, each with its own schedule and a new optimizer; empty: one
            phase. Those with real weights come before those with binary ones, coupled ones before
            the others.
    """

    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: Positive
    momentum: float | None = Field(default=None, ge=0, lt=1)
    weight_decay: NotNegative = 0.0
    decays: tuple[Decaying, ...] = ("real-weights", "latent-weights")
    schedule: Schedule
    warmup: PartOfOne = 0.0
    batch_size: BatchSize
    label_smoothing: PartOfOne = 0.0
    mixup: NotNegative = 0.0
    cutout: Pixels = 0
    crop_padding: Pixels = 0
    flip: bool = False
    clip_norm: NotNegative = 0.0
    ema: PartOfOne = 0.0
    teacher: Teacher | None = None
    phases: tuple[PhaseForm, ...] = ()

    @model_validator(mode="after")
    def _combines(self) -> Self:
        if found := [*breaches(self)]:
            raise Findings(found)
        return self

    @property
    def of_twin(self) -> "Recipe":
        """How the real-valued twin of a design is trained, where that is the teacher."""
        return self._changed(self.teacher, teacher=None)

    def phase(self, number: int) -> "Phase":
        """A phase with all its settings.

        Args:
            number: from 0 on.
        """
        form = self.phases[number] if self.phases else PhaseForm(share=1)
        recipe = self._changed(form)
        return Phase(number=number, weights=form.weights, coupled=form.coupled, recipe=recipe)

    def ends(self, epochs: int) -> tuple[int, ...]:
        """The last epoch of each phase, counted from 1, in a training of `epochs`.

        Raises:
            InvalidConfiguration: They are too few for a phase to have one.
        """
        shares = [form.share for form in self.phases] or [1.0]
        whole = sum(shares)
        ends = tuple(round(epochs * part / whole) for part in accumulate(shares))
        if any(end <= begin for begin, end in zip((0, *ends), ends, strict=False)):
            written = ", ".join(f"{share:g}" for share in shares)
            raise InvalidConfiguration(
                f"every phase must have an epoch at least, but epochs={epochs} are divided by the "
                f"shares {written}; take more epochs or other shares"
            )
        return ends

    def _changed(self, changes: Changes | None, **others: Any) -> "Recipe":
        own = {name: getattr(changes, name, None) for name in Changes.model_fields}
        given = {name: value for name, value in own.items() if value is not None}
        return self.model_copy(update={**given, **others, "phases": ()})


class Phase(Settings):
    """A phase with all its settings.

    Attributes:
        number: its place, from 0 on.
        weights: see `PhaseForm`.
        coupled: see `PhaseForm`.
        recipe: of one phase.
    """

    number: int
    weights: Weights
    coupled: bool
    recipe: Recipe
