"""A sample of a space that is spread over its costs."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from bnas.architecture import Architecture, digest, to_dict
from bnas.cost import Totals
from bnas.errors import InvalidConfiguration
from bnas.search.settings import SearchSettings
from bnas.search.trials import TrialRecord
from bnas.space import SearchSpace

# Random designs to choose from, for each that is wanted; and draws until they must be together.
_POOL: Final = 20
_DRAWS: Final = 500


def stratified(
    space: SearchSpace,
    number: int,
    *,
    cost: Callable[[Architecture], Totals],
    settings: SearchSettings,
) -> list[TrialRecord]:
    """Different architectures, as evenly spread over log OPs as the space allows.

    Of some random designs within the bounds, the range of log OPs is cut into `number` equally
    wide strata, and one design drawn from each; where a stratum is empty, from all that are left.
    Uniform sampling would leave out the ends, which a search goes for.

    Args:
        space: What to sample from.
        number: How many.
        cost: Exact costs of an architecture.
        settings: Seed and bounds.

    Returns:
        Records with digest, architecture and costs, in the order of their digests: at random, as
        far as costs go.

    Raises:
        InvalidConfiguration: There are not as many designs within the bounds.
    """
    rng = np.random.default_rng(settings.seed)
    pool = list(_pool(space, number, cost, settings, rng).values())
    if len(pool) < number:
        raise InvalidConfiguration(
            f"a sample of {number} different designs was asked for, but among {_DRAWS * number:,} "
            f"random ones of the space {space.name} only {len(pool)} lie within the bounds; ask "
            "for fewer or widen the bounds"
        )
    logs = [math.log(record.costs.value("ops")) for record in pool]
    edges = np.linspace(min(logs), max(logs), number + 1)[1:-1]
    strata = np.searchsorted(edges, logs)
    chosen = {
        int(rng.choice(members))
        for stratum in range(number)
        if len(members := np.flatnonzero(strata == stratum))
    }
    rest = [index for index in range(len(pool)) if index not in chosen]
    chosen |= {int(i) for i in rng.choice(rest, number - len(chosen), replace=False)}
    return sorted((pool[index] for index in chosen), key=lambda record: record.digest)


def _pool(
    space: SearchSpace,
    number: int,
    cost: Callable[[Architecture], Totals],
    settings: SearchSettings,
    rng: np.random.Generator,
) -> dict[str, TrialRecord]:
    """Random designs within the bounds, by digest."""
    pool: dict[str, TrialRecord] = {}
    for _ in range(_DRAWS * number):
        architecture = space.sample(rng)
        costs = cost(architecture)
        if all(violation <= 0 for violation in settings.violations(costs).values()):
            record = TrialRecord(
                number=0,
                digest=digest(architecture),
                choices={},
                architecture=to_dict(architecture),
                costs=costs,
            )
            pool.setdefault(record.digest, record)
        if len(pool) >= min(_POOL * number, space.size()):
            break
    return pool
