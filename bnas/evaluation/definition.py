"""An evaluator as data: which images, how long, which recipe, on what. Read from a YAML file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bnas.data import DataSettings, check_name, check_subset, find_images, is_path
from bnas.definitions import Findings, available, find, load_yaml, validate
from bnas.definitions.document import read as read_document
from bnas.errors import InvalidConfiguration, InvalidData, InvalidEvaluator
from bnas.evaluation.zero_cost import ZeroCostDefinition
from bnas.search.halving import Rungs
from bnas.search.settings import Device
from bnas.training import Acceleration, Recipe
from bnas.training.rules import check_epochs

if TYPE_CHECKING:
    from bnas.evaluation.proxy import ProxyTraining


class EvaluatorDefinition(BaseModel):
    """Settings of a proxy training; channels and classes are the data's.

    Attributes:
        kind: tells this form of an evaluator file from others; a file that says nothing has it.
        name: what it is called in results.
        description: one line for `bnas evaluators`.
        data: name of a data set, or path from the working directory, see `bnas.data.read`; or
            "required", and whoever uses the evaluator has to give one.
        image_size: brings the images to this size; None leaves them as they are.
        subset: trains on so many images alone, with the same shares of the classes; None on all.
        split_seed: decides which images train, validate and are kept for the final test. Scores
            are comparable only under the same split.
        stream: decodes image files whenever they are used; None only where they do not fit in
            memory.
        crop_scale: trains on random crops of at least this share of an image's area, for which
            images have to be streamed.
        epochs: length of a complete training.
        rungs: epochs at which trials are compared with others and the worse ones are stopped; None
            trains all to the end.
        width_factor: all widths of a design times this are what is trained, see
            `bnas.architecture.scaled`; its costs are those of the whole.
        recipe: how to train.
        threads: CPU threads of one trial.
        acceleration: how the training is computed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["training"] = "training"
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)
    description: str = Field(pattern=r"^[^\n]+$", max_length=120)
    data: str
    image_size: int | None = Field(default=None, ge=1, le=4096)
    subset: int | None = Field(default=None, ge=2)
    split_seed: int = Field(default=0, ge=0)
    stream: bool | None = None
    crop_scale: float | None = Field(default=None, gt=0, le=1)
    epochs: int = Field(ge=1)
    rungs: Rungs | None = None
    width_factor: float = Field(default=1.0, gt=0, le=16)
    recipe: Recipe
    threads: int = Field(default=1, ge=1, le=1024)
    acceleration: Acceleration = Acceleration()

    @field_validator("data")
    @classmethod
    def _is_known(cls, data: str) -> str:
        if not is_path(data):
            try:
                check_name(data)
            except InvalidData as error:
                raise ValueError(str(error)) from error
        return data

    @model_validator(mode="after")
    def _crops_come_from_files(self) -> Self:
        if self.crop_scale is not None and not self.stream:
            problem = (
                "random crops are cut from image files, but stream is not true; "
                "add stream: true or leave crop_scale out"
            )
            raise Findings([(("crop_scale",), problem)])
        return self

    @model_validator(mode="after")
    def _recipe_fits(self) -> Self:
        try:
            check_epochs(self.recipe, self.epochs)
        except InvalidConfiguration as error:
            raise Findings([(("epochs",), str(error))]) from error
        return self

    @property
    def images(self) -> DataSettings:
        """Where the images are, and what of them."""
        return DataSettings(
            source=self.data,
            image_size=self.image_size,
            subset=self.subset,
            split_seed=self.split_seed,
            stream=self.stream,
            crop_scale=self.crop_scale,
        )

    def build(
        self,
        *,
        data: str | None = None,
        device: Device = "cpu",
        threads: int | None = None,
        final: bool = False,
    ) -> "ProxyTraining":
        """Return the evaluator, with its data read once to check them.

        Args:
            data: replaces `data`.
            device: where to train; whether it is there is seen by the process that trains.
            threads: replaces `threads`.
            final: whether the images that validate in a search are trained on, too.

        Raises:
            InvalidConfiguration: a replacement is not allowed.
            InvalidData: the data cannot be used.
        """
        given: dict[str, Any] = {"data": data, "threads": threads}
        changes = {key: value for key, value in given.items() if value is not None}
        changed = validate(
            self.model_dump() | changes,
            EvaluatorDefinition,
            InvalidConfiguration,
            source=f"evaluator {self.name!r}",
        )
        return _build(changed, device, final=final)


def load_evaluator(name_or_path: str | Path) -> EvaluatorDefinition:
    """Read an evaluator that trains, by name or path, see `bnas.definitions.find`.

    Raises:
        InvalidEvaluator: there is none, its file is wrong, or it gives scores without training.
    """
    found = load_any_evaluator(name_or_path)
    if isinstance(found, EvaluatorDefinition):
        return found
    raise InvalidEvaluator(
        f"an evaluator must train here, but {found.name!r} is of the kind {found.kind!r}, whose "
        "scores are no accuracies; name one of the kind 'training', and see what the scores are "
        "worth with `bnas fidelity`"
    )


def load_any_evaluator(name_or_path: str | Path) -> EvaluatorDefinition | ZeroCostDefinition:
    """Read an evaluator of whatever kind.

    Raises:
        InvalidEvaluator: there is none, or its file is wrong.
    """
    path = find("evaluators", name_or_path, InvalidEvaluator)
    kind = read_document(path, InvalidEvaluator).value.get("kind", "training")
    if kind == "zero-cost":
        return load_yaml(path, ZeroCostDefinition, InvalidEvaluator)
    if kind == "training":
        return load_yaml(path, EvaluatorDefinition, InvalidEvaluator)
    raise InvalidEvaluator(
        f"{path}: 'kind' must be 'training' or 'zero-cost', but got {kind!r}; "
        "without the key it is 'training'"
    )


def evaluator_descriptions() -> dict[str, str]:
    """Return the one-line description of every evaluator that a name finds.

    Raises:
        InvalidEvaluator: a file is wrong.
    """
    return {name: load_any_evaluator(name).description for name in available("evaluators")}


def _build(definition: EvaluatorDefinition, device: Device, *, final: bool) -> "ProxyTraining":
    from bnas.evaluation.proxy import ProxyTraining

    images = find_images(definition.images)
    check_subset(definition.images, images, joined=final)
    definition = _with_absolute_teacher(definition)
    if is_path(definition.data):  # workers may have another working directory
        data = str(Path(definition.data).resolve())
        definition = definition.model_copy(update={"data": data})
    return ProxyTraining(definition=definition, facts=images.facts, device=device)


def _with_absolute_teacher(definition: EvaluatorDefinition) -> EvaluatorDefinition:
    recipe = definition.recipe
    if recipe.teacher is None or recipe.teacher.kind != "network":
        return definition
    path = str(Path(recipe.teacher.network).resolve())
    teacher = recipe.teacher.model_copy(update={"network": path})
    recipe = recipe.model_copy(update={"teacher": teacher})
    return definition.model_copy(update={"recipe": recipe})
