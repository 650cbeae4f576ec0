"""Which designs are retrained: those of a front, named ones, and published ones beside them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from bnas.architecture import Design, digest, load_design, published_names
from bnas.data import Facts
from bnas.errors import InvalidConfiguration, RunError
from bnas.runs.retraining.configuration import RetrainedDesign
from bnas.runs.run import Run
from bnas.search.trials import TrialRecord

Selected = list[tuple[RetrainedDesign, Design]]


def of_front(run: Run, *, top: int | None = None) -> Selected:
    """The designs of a run's front, cheapest first, with the accuracies that put them there.

    Args:
        run: A search.
        top: Only so many, those with the highest accuracy; None takes all.

    Raises:
        RunError: The run has no front yet.
        InvalidConfiguration: `top` is less than 1.
    """
    if top is not None and top < 1:
        raise InvalidConfiguration(f"--top must be at least 1, but got {top}; give a larger number")
    front = run.front()
    if not front:
        raise RunError(
            f"a front is retrained when the search has one, but in {run.folder.path} no trial has "
            f"finished and beats guessing; go on with `bnas resume {run.folder.path}`"
        )
    best = sorted(front, key=lambda record: -_accuracy(record))[:top]
    kept = {record.number for record in best}
    return [_of_trial(run, record) for record in front if record.number in kept]


def named(designs: Iterable[Design], *, run: Run | None = None) -> Selected:
    """Designs one by one, each architecture once; with its proxy score if `run` has one.

    They are called what they call themselves, but by their digests where two call themselves the
    same, or one as a published design that it is not.
    """
    scores = {} if run is None else _scores(run)
    found: dict[str, Design] = {}
    for design in designs:
        found.setdefault(digest(design.architecture), design)
    uses = Counter(design.name for design in found.values())

    def entry(key: str, design: Design) -> RetrainedDesign:
        published = _is_published(design)
        own = published or (uses[design.name] == 1 and design.name not in published_names())
        return RetrainedDesign(
            name=design.name if own else key,
            digest=key,
            published=published,
            proxy=scores.get(key),
        )

    return [(entry(key, design), design) for key, design in found.items()]


def with_published(selected: Selected, run: Run | None, facts: Facts) -> Selected:
    """The selected designs, and the published ones to compare them with.

    These are the published designs that the search trained as first candidates, and those that
    are published for images of this size and so many classes.

    Args:
        selected: What is there already; a published design among it is marked as one.
        run: The search.
        facts: Of the data that is trained on.
    """
    candidates = [] if run is None else [r.candidate for r in run.trials if r.candidate]
    names = [name for name in published_names() if name in candidates or _is_for(name, facts)]
    if not names:
        size, channels, classes = facts.image_size, facts.in_channels, facts.num_classes
        raise InvalidConfiguration(
            "published designs to compare with are first candidates of the search or made for the "
            f"same images, but none is for {size}x{size}x{channels} pixels and {classes} classes; "
            "name those to train beside the front: RUN --front DESIGN"
        )
    published = named((load_design(name) for name in names), run=run)
    return joined(selected, published)


def joined(first: Selected, second: Selected) -> Selected:
    """Both, each architecture once; what a published design is called is its name."""
    published = {entry.digest: entry for entry, _ in second if entry.published}
    marked = [(published.get(entry.digest, entry), design) for entry, design in first]
    present = {entry.digest for entry, _ in marked}
    return [*marked, *((e, design) for e, design in second if e.digest not in present)]


def for_data(selected: Selected, facts: Facts) -> list[Design]:
    """The designs, for the images that they are trained on."""
    return [
        replace(
            design,
            name=entry.name,
            image_size=facts.image_size,
            num_classes=facts.num_classes,
            in_channels=facts.in_channels,
        )
        for entry, design in selected
    ]


def proxy_words(run: Run) -> str:
    """What the accuracies of a run are of."""
    evaluator = run.configuration.evaluator
    epochs = "an epoch" if evaluator.epochs == 1 else f"{evaluator.epochs} epochs"
    return f"validation accuracy of {evaluator.name} after {epochs}"


def _of_trial(run: Run, record: TrialRecord) -> tuple[RetrainedDesign, Design]:
    design = run.design(record.digest)
    entry = RetrainedDesign(
        name=record.candidate or record.digest,
        digest=record.digest,
        published=record.candidate in published_names(),
        proxy=_accuracy(record),
    )
    return entry, design


def _scores(run: Run) -> dict[str, float]:
    """Accuracy of every finished design, means where it was repeated."""
    scores = {r.digest: _accuracy(r) for r in run.trials if r.outcome == "finished"}
    return scores | {digest: estimate.mean for digest, estimate in run.estimates.items()}


def _accuracy(record: TrialRecord) -> float:
    # Trials of a front are finished ones.
    assert record.evaluation is not None  # noqa: S101
    return record.evaluation.accuracy


def _is_published(design: Design) -> bool:
    return design.name in published_names() and (
        digest(load_design(design.name).architecture) == digest(design.architecture)
    )


def _is_for(name: str, facts: Facts) -> bool:
    design = load_design(name)
    return (design.image_size, design.in_channels, design.num_classes) == (
        facts.image_size,
        facts.in_channels,
        facts.num_classes,
    )
