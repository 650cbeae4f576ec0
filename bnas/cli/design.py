"""Which design a DESIGN argument names."""

from pathlib import Path

from bnas.architecture import Design, load_design, published_names
from bnas.errors import RunError
from bnas.runs.folder import find


def design_of(text: str, results_dir: Path) -> Design:
    """A design by a published name, a JSON or YAML file, or RUN/DIGEST.

    Raises:
        BnasError: There is none, or it is wrong.
    """
    path = Path(text)
    if (run := run_of(text, results_dir)) is None:
        return load_design(path.absolute() if path.is_file() else text)
    return find(results_dir, run).design(path.name)


def run_of(text: str, results_dir: Path) -> str | None:
    """The run of RUN/DIGEST; None for a design that is named otherwise.

    Raises:
        RunError: It is a run itself.
    """
    path = Path(text)
    if path.is_file() or path.suffix in {".json", ".yaml", ".yml"} or text in published_names():
        return None
    for folder in (results_dir / text, path):
        if (folder / "config.yaml").is_file():
            raise RunError(
                f"DESIGN is a single design, but {folder} is a run; name a design of it, "
                f"{text.rstrip('/')}/DIGEST, or retrain its front with --front"
            )
    if path.is_dir():
        raise RunError(
            "DESIGN is the name of a published design, a JSON or YAML file, or RUN/DIGEST, but "
            f"{path} is a folder; `bnas designs` lists the published ones"
        )
    return None if path == Path(path.name) else str(path.parent)
