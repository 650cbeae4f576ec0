"""Suggestions: the next candidate with its exact costs, from the published designs or a sampler."""

from collections import deque
from collections.abc import Callable, Container
from typing import cast

from bnas.architecture import Architecture, digest, to_dict
from bnas.cost import Totals
from bnas.search.events import Listener, Skipped
from bnas.search.samplers import WINDOWS, build_sampler
from bnas.search.settings import SearchSettings
from bnas.search.study import Study
from bnas.search.trials import TrialRecord
from bnas.space import Option, SearchSpace


class Suggester:
    """Begins a trial in the study for each suggestion, first candidates before the sampler's."""

    def __init__(
        self,
        study: Study,
        *,
        settings: SearchSettings,
        space: SearchSpace,
        cost: Callable[[Architecture], Totals],
        listener: Listener,
    ) -> None:
        self._study = study
        self._settings = settings
        self._space = space
        self._cost = cost
        self._listener = listener
        self._num_trials = study.num_trials
        self._candidates = deque(space.first_candidates)

    def suggest(self, known: Container[str], *, at_random: bool = False) -> TrialRecord:
        """Begins a trial.

        Args:
            known: Digests; first candidates that have one of them are passed over.
            at_random: Whether to propose at random, whatever the sampler is.
        """
        name, fixed = self._next_candidate(known)
        seed, number = self._settings.seed, self._num_trials
        which = "random" if at_random else self._settings.sampler
        sampler = build_sampler(which, seed=seed, number=number)
        trial = self._study.ask(sampler, fixed, window=WINDOWS.get(which))
        self._num_trials = max(self._num_trials, trial.number + 1)

        def choose(choice: str, options: tuple[Option, ...]) -> Option:
            if len(options) == 1:
                return options[0]
            return cast("Option", trial.suggest_categorical(_parameter(choice, options), options))

        choices = self._space.walk(choose)
        architecture = self._space.decode(choices)
        costs = self._cost(architecture)
        for cost, violation in self._settings.violations(costs).items():
            trial.set_constraint(cost, violation)
        record = TrialRecord(
            number=trial.number,
            digest=digest(architecture),
            choices=choices,
            architecture=to_dict(architecture),
            costs=costs,
            candidate=name,
        )
        self._study.annotate(record.number, record.proposal_attributes())
        return record

    def _next_candidate(self, known: Container[str]) -> tuple[str | None, dict[str, Option] | None]:
        while self._candidates:
            name, architecture = self._candidates.popleft()
            if digest(architecture) in known:
                continue
            if self._is_within_bounds(name, self._cost(architecture)):
                return name, self._parameters(architecture)
        return None, None

    def _is_within_bounds(self, name: str, costs: Totals) -> bool:
        for cost, violation in self._settings.violations(costs).items():
            if violation > 0:
                bound = self._settings.bounds[cost]
                value = costs.value(cost)
                self._listener(Skipped(name=name, cost=cost, value=value, bound=bound))
                return False
        return True

    def _parameters(self, architecture: Architecture) -> dict[str, Option]:
        point = self._space.encode(architecture)
        parameters: dict[str, Option] = {}

        def choose(choice: str, options: tuple[Option, ...]) -> Option:
            if len(options) > 1:
                parameters[_parameter(choice, options)] = point[choice]
            return point[choice]

        self._space.walk(choose)
        return parameters


def _parameter(choice: str, options: tuple[Option, ...]) -> str:
    """Optuna's name of a choice; it has the options in it, which may not change under one name."""
    return f"{choice}|{'-'.join(map(str, options))}"
