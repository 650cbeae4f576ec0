"""What is known of a trained network: the `design.json` beside its weights."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bnas.architecture import Design, digest, to_dict
from bnas.architecture.form import ArchitectureForm
from bnas.definitions import load_yaml
from bnas.errors import InvalidWeights

FACTS_FILE: Final = "design.json"
WEIGHTS_FILE: Final = "weights.safetensors"
LATENT_FILE: Final = "latent.safetensors"

_Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Normalisation(_Facts):
    """(pixel - mean) / deviation for each channel, in the unit of pixels, 0 to 255."""

    mean: tuple[float, ...]
    deviation: tuple[Annotated[float, Field(gt=0)], ...]


class TensorFile(_Facts):
    """A safetensors file beside `design.json`: its size, and the SHA-256 of its content."""

    bytes: Annotated[int, Field(ge=8, strict=True)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TestResult(_Facts):
    """What the network reached on the test split.

    Attributes:
        accuracy: In [0, 1].
        loss: Mean cross-entropy.
        images: How many images the split has.
    """

    __test__ = False  # not one of pytest's

    accuracy: _Share
    loss: Annotated[float, Field(ge=0)]
    images: _Count


class Training(_Facts):
    """How the network was trained.

    Attributes:
        evaluator: Name of the evaluator.
        data: Data set, or the file that held it.
        image_size: Size that its images were brought to; None if they had theirs.
        crop_scale: Of random crops, see `bnas.data.DataSettings`; None without them.
        split_seed: Which images were kept for the test, see `bnas.data.stratified_split`.
        epochs: Length of the training.
        seed: Of initial weights and the order of the images.
        recipe: Settings of the training, as in the evaluator's file.
    """

    evaluator: str
    data: str
    image_size: Annotated[int, Field(ge=1, le=4096, strict=True)] | None = None
    crop_scale: Annotated[float, Field(gt=0, le=1)] | None = None
    split_seed: Annotated[int, Field(ge=0, strict=True)]
    epochs: _Count
    seed: Annotated[int, Field(ge=0, strict=True)]
    recipe: dict[str, Any]


class TrainedFacts(_Facts):
    """The content of `design.json`.

    Attributes:
        schema_version: Version of this form.
        name: What the design is called.
        digest: Of the architecture.
        image_size: Height and width of an image in pixels.
        in_channels: Channels of an image.
        num_classes: Outputs of the classifier.
        class_names: What the classes are called, in order; None if that is not known.
        normalisation: What is done to pixels first.
        training: How the network was trained; None if that is not known.
        test: What it reached on the test split; None if it was not tested.
        versions: Of bnas and torch, when the files were written.
        weights: The file of the deployed network.
        latent: The file of the network that can be trained further; None without one.
        architecture: The design.
    """

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    name: str
    digest: str
    image_size: Annotated[int, Field(ge=1, le=4096, strict=True)]
    in_channels: Annotated[int, Field(ge=1, le=1024, strict=True)]
    num_classes: _Count
    class_names: tuple[str, ...] | None = None
    normalisation: Normalisation
    training: Training | None = None
    test: TestResult | None = None
    versions: dict[str, str] = {}
    weights: TensorFile
    latent: TensorFile | None = None
    architecture: ArchitectureForm

    @property
    def design(self) -> Design:
        """The design with the images that it is made for."""
        return Design(
            name=self.name,
            architecture=self.architecture.architecture,
            image_size=self.image_size,
            num_classes=self.num_classes,
            in_channels=self.in_channels,
        )

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `design.json`."""
        data = self.model_dump(mode="json", by_alias=True, exclude={"architecture"})
        return {**data, "architecture": to_dict(self.architecture.architecture)}

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        found = digest(self.architecture.architecture)
        if self.digest != found:
            raise ValueError(
                f"digest must be that of the architecture, {found}, but is {self.digest!r}; "
                "restore the file from a copy"
            )
        for name, values in self.normalisation:
            if len(values) != self.in_channels:
                raise ValueError(
                    f"normalisation.{name} must have a number for each of in_channels "
                    f"{self.in_channels}, but has {len(values)}; restore the file from a copy"
                )
        if self.class_names is not None and len(self.class_names) != self.num_classes:
            raise ValueError(
                f"class_names must have a name for each of num_classes {self.num_classes}, but "
                f"has {len(self.class_names)}; restore the file from a copy"
            )
        return self


def read_facts(folder: Path) -> TrainedFacts:
    """Reads `design.json` of a folder.

    Raises:
        InvalidWeights: It is missing or wrong; the message names line, key and rule.
    """
    path = folder / FACTS_FILE
    if not path.exists():
        raise InvalidWeights(
            f"{path}: a trained network has this file, but there is none; "
            "name a folder that `bnas retrain` wrote, RUN/networks/NETWORK"
        )
    return load_yaml(path, TrainedFacts, InvalidWeights)
