"""How a network is trained, as data: everything but the network, the images and the epochs."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Recipe(BaseModel):
    """Settings of one training.

    Attributes:
        optimizer: Adam, AdamW (decay decoupled from the gradient) or SGD with momentum; Adam's
            other constants are PyTorch's.
        learning_rate: its largest value, reached at the end of the warm-up.
        momentum: of SGD; the others have none.
        weight_decay: applies to the weights of convolutions and linear layers, latent weights of
            binary ones included, and to nothing else: norms, biases, thresholds, slopes and scales
            are few and set the scale of what the weights only shape.
        schedule: course of the learning rate after the warm-up, see `bnas.training.schedule`.
        warmup: share of all steps in which the learning rate rises linearly.
        batch_size: images a step; batches of an epoch differ in size by at most one image.
        label_smoothing: share of the target spread over all classes; never used in validation.
        crop_padding: images are shifted at random by up to this many pixels each way; 0: not.
        flip: images are mirrored left to right at random.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: float = Field(gt=0)
    momentum: float | None = Field(default=None, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["cosine", "linear", "constant"]
    warmup: float = Field(default=0.0, ge=0, lt=1)
    batch_size: int = Field(ge=2)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    crop_padding: int = Field(default=0, ge=0)
    flip: bool = False

    @model_validator(mode="after")
    def _momentum_belongs_to_sgd(self) -> Self:
        if (self.optimizer == "sgd") != (self.momentum is not None):
            raise ValueError(
                "momentum must be given for the optimizer 'sgd' and for no other, but optimizer is "
                f"{self.optimizer!r} and momentum {self.momentum}; "
                + ("add momentum: 0.9" if self.momentum is None else "remove momentum")
            )
        return self
