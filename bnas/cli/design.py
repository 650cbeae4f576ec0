"""Which design a DESIGN argument names."""

from pathlib import Path

from bnas.architecture import Design, load_design


def design_of(text: str, results_dir: Path) -> Design:
    """A design by a published name, a JSON or YAML file, or RUN/DIGEST.

    Raises:
        BnasError: There is none, or it is wrong.
    """
    path = Path(text)
    run, _, digest = text.rpartition("/")
    if path.is_file() or path.suffix in {".json", ".yaml", ".yml"}:
        return load_design(path.absolute() if path.is_file() else path)
    if not run:
        return load_design(text)
    # Reading a run needs much more than pricing a design does.
    from bnas.runs.run import open_run

    return open_run(run, results_dir=results_dir).design(digest)
