"""The resolved configuration of a retraining: everything that decides what it does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from bnas.definitions import dump_yaml, load_yaml
from bnas.errors import InvalidConfiguration, RunError
from bnas.evaluation import EvaluatorDefinition
from bnas.runs.configuration import search_settings
from bnas.search.settings import SearchSettings

# What of a search's settings says how trials are run; the rest is about which.
ENGINE_SETTINGS: Final = frozenset(
    {
        "engine",
        "workers",
        "device",
        "address",
        "gpus_per_trial",
        "checkpoint_s",
        "max_time_s",
    }
)


class RetrainedDesign(BaseModel):
    """A design of a retraining; its architecture lies in `architectures/`.

    Attributes:
        name: What it is called: its own name, or its digest.
        digest: Of the architecture.
        published: Whether it is a published design, trained to compare with.
        proxy: Accuracy that put it on the front of the search; None where no search scored it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    published: bool = False
    proxy: Annotated[float, Field(ge=0, le=1)] | None = None


class RetrainConfiguration(BaseModel):
    """What `config.yaml` of a retraining holds.

    Attributes:
        run: The search that the designs are from; None where they were named one by one.
        proxy: What their proxy scores are of, in words; None without any.
        seeds: Of initial weights and the order of the images; each design is trained with each.
        designs: Which.
        evaluator: How they are trained, on which data.
        engine: Where and how many at once.
        processes: How many share each training; if more than one, trainings follow one another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str | None = None
    proxy: str | None = None
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    designs: Annotated[tuple[RetrainedDesign, ...], Field(min_length=1)]
    evaluator: EvaluatorDefinition
    engine: SearchSettings
    processes: Annotated[int, Field(ge=1)] = 1

    def to_yaml(self) -> str:
        """The file's text."""
        data = self.model_dump(mode="json", exclude_none=True, exclude={"engine"})
        data["engine"] = self.engine.saved(ENGINE_SETTINGS)
        return dump_yaml(data)

    def with_engine(self, changes: Mapping[str, Any]) -> Self:
        """A copy with other settings of the engine.

        Raises:
            InvalidConfiguration: A change is not allowed.
        """
        engine = engine_settings(changes, base=self.engine, threads=self.evaluator.threads)
        return self.model_copy(update={"engine": engine})


def engine_settings(
    changes: Mapping[str, Any], *, base: SearchSettings | None = None, threads: int = 1
) -> SearchSettings:
    """Settings of the engine.

    Args:
        changes: By name, above those of `base`.
        base: What to start from.
        threads: CPU threads of one training; by default there is a worker for so many CPUs.

    Raises:
        InvalidConfiguration: One is not allowed, or has nothing to do with engines.
    """
    for name in changes.keys() - ENGINE_SETTINGS:
        raise InvalidConfiguration(
            f"a retraining has no setting {name!r}, which is one of searches; its own are "
            f"{', '.join(sorted(ENGINE_SETTINGS))}"
        )
    kept = base.model_dump(include=set(ENGINE_SETTINGS)) if base is not None else {}
    return search_settings(kept, changes, threads=threads, source="retraining settings")


def load_retrain_configuration(path: Path) -> RetrainConfiguration:
    """Reads the `config.yaml` of a retraining.

    Raises:
        RunError: It is damaged.
    """
    try:
        return load_yaml(path, RetrainConfiguration, InvalidConfiguration)
    except InvalidConfiguration as error:
        raise RunError(f"{error}; restore {path} from a copy") from None
