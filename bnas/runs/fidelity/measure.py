"""Measures what proxies are worth, in a run folder, and goes on with that after an interruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnas.architecture import (
    Design,
    design_to_dict,
    digest,
    from_dict,
    load_design,
    to_dict,
)
from bnas.evaluation import ProxyTraining
from bnas.runs import folder as folders
from bnas.runs.environment import environment
from bnas.runs.fidelity.analysis import report
from bnas.runs.fidelity.plan import TRUTH, Plan, load_plan
from bnas.runs.fidelity.report import Report
from bnas.runs.fidelity.sample import stratified
from bnas.runs.fidelity.scoring import scored
from bnas.runs.fidelity.table import append_measurement, begin_measurements, read_measurements
from bnas.runs.fidelity.trainings import Trainings
from bnas.runs.files import write_json, write_text
from bnas.runs.folder import RESULTS_DIR, RunFolder
from bnas.runs.repeat import Tell
from bnas.search.events import End
from bnas.search.stop import Stop
from bnas.search.trials import TrialRecord
from bnas.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityEnd:
    """The folder, what is known so far, and why nothing more was measured."""

    folder: RunFolder
    report: Report
    end: End


def start(
    plan: Plan,
    *,
    name: str | None = None,
    results_dir: Path = RESULTS_DIR,
    max_time_s: float | None = None,
    tell: Tell = lambda _: None,
) -> FidelityEnd:
    """Measures in a new run folder.

    Args:
        plan: What to do.
        name: Name of the run; made up from space and evaluator if None.
        results_dir: Folder of all runs.
        max_time_s: Seconds after which to stop, to be resumed.
        tell: Told of each training that has ended, and of what evaluators note.

    Raises:
        BnasError: Something is wrong with plan or data, or the folder cannot be written.
    """
    evaluators = _evaluators(plan)
    truth = evaluators[TRUTH]
    sample = _sample(plan, truth)
    plan = plan.model_copy(
        update={
            "truth": truth.definition,
            "proxies": {name: evaluators[name].definition for name in plan.proxies},
        }
    )
    folder = folders.create(
        results_dir, name, default=f"fidelity-{plan.space.name}-{plan.truth.name}"
    )
    with folder.locked():
        write_json(folder.environment, environment(plan.search))
        folder.architectures.mkdir()
        for record in sample:
            _write_design(folder, record, truth)
        begin_measurements(folder.fidelity)
        # Last: a folder with a configuration has all that resuming needs.
        write_text(folder.config, plan.to_yaml())
        return _measure(folder, plan, evaluators, sample, max_time_s=max_time_s, tell=tell)


def resume(
    folder: RunFolder,
    *,
    changes: Mapping[str, Any] | None = None,
    max_time_s: float | None = None,
    tell: Tell = lambda _: None,
) -> FidelityEnd:
    """Goes on where a measurement stopped; what is recorded is kept.

    Args:
        folder: Its run folder.
        changes: Settings of where it runs, as engine and workers.
        max_time_s: As of `start`.
        tell: As of `start`.

    Raises:
        BnasError: The folder is damaged or in use, or a change is not allowed.
    """
    plan = load_plan(folder.config).with_search(changes or {})
    evaluators = _evaluators(plan)
    with folder.locked():
        sample = _kept(folder, evaluators[TRUTH])
        return _measure(folder, plan, evaluators, sample, max_time_s=max_time_s, tell=tell)


def _evaluators(plan: Plan) -> dict[str, ProxyTraining]:
    device = plan.search.device
    found = {name: one.build(device=device) for name, one in plan.trainings.items()}
    if plan.search.address is None:
        found[TRUTH].check_device()
    return found


def _sample(plan: Plan, truth: ProxyTraining) -> list[TrialRecord]:
    space = SearchSpace(plan.space)
    return stratified(space, plan.sample.designs, cost=truth.cost, settings=plan.search)


def _kept(folder: RunFolder, truth: ProxyTraining) -> list[TrialRecord]:
    """The sample that was drawn when the run began."""
    designs = [load_design(path) for path in sorted(folder.architectures.glob("*.json"))]
    return [
        TrialRecord(
            number=0,
            digest=digest(design.architecture),
            choices={},
            architecture=to_dict(design.architecture),
            costs=truth.cost(design.architecture),
        )
        for design in designs
    ]


def _write_design(folder: RunFolder, record: TrialRecord, truth: ProxyTraining) -> None:
    design = Design(
        name=record.digest,
        architecture=from_dict(record.architecture),
        image_size=truth.facts.image_size,
        num_classes=truth.facts.num_classes,
        in_channels=truth.facts.in_channels,
    )
    write_json(folder.architectures / f"{record.digest}.json", design_to_dict(design))


def _measure(
    folder: RunFolder,
    plan: Plan,
    evaluators: Mapping[str, ProxyTraining],
    sample: Sequence[TrialRecord],
    *,
    max_time_s: float | None,
    tell: Tell,
) -> FidelityEnd:
    begin_measurements(folder.fidelity)
    done = {measurement.key for measurement in read_measurements(folder.fidelity)}
    truth = evaluators[TRUTH]
    with Stop(max_time_s) as stop:
        seed = plan.search.seed
        for definition in plan.scores.values():
            for measurement in scored(definition, truth, sample, seed=seed, done=done, stop=stop):
                append_measurement(folder.fidelity, measurement)
        end = stop.end or Trainings(folder, plan, sample, done, tell).run(evaluators, stop)
    found = _report(folder, plan, truth, sample)
    write_json(folder.fidelity_report, found.as_dict())
    return FidelityEnd(folder=folder, report=found, end=end)


def _report(
    folder: RunFolder, plan: Plan, truth: ProxyTraining, sample: Sequence[TrialRecord]
) -> Report:
    from bnas.evaluation.trial import load_data

    images = load_data(truth.definition, truth.facts, "cpu").validation
    return report(
        plan,
        sample,
        read_measurements(folder.fidelity),
        chance=truth.facts.chance,
        num_images=len(images),
    )
