"""Search binary neural network designs: the Pareto front of accuracy against operations.

`import bnas` is cheap: each name below is imported when it is first used, so that a program that
only counts costs never loads torch, Ray, Optuna or pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnas.architecture import Architecture, digest, load_design
    from bnas.cost import Ledger, ledger
    from bnas.errors import BnasError
    from bnas.evaluation import load_evaluator
    from bnas.export.loading import TrainedNetwork, load
    from bnas.report.plots import plot_run
    from bnas.runs.run import Run, open_run
    from bnas.runs.search import run_search
    from bnas.space import SearchSpace, load_space

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "BnasError",
    "Ledger",
    "Run",
    "SearchSpace",
    "TrainedNetwork",
    "__version__",
    "digest",
    "ledger",
    "load",
    "load_design",
    "load_evaluator",
    "load_space",
    "open_run",
    "plot_run",
    "run_search",
]

_HOMES = {
    "Architecture": "bnas.architecture",
    "BnasError": "bnas.errors",
    "Ledger": "bnas.cost",
    "Run": "bnas.runs.run",
    "SearchSpace": "bnas.space",
    "TrainedNetwork": "bnas.export.loading",
    "digest": "bnas.architecture",
    "ledger": "bnas.cost",
    "load": "bnas.export.loading",
    "load_design": "bnas.architecture",
    "load_evaluator": "bnas.evaluation",
    "load_space": "bnas.space",
    "open_run": "bnas.runs.run",
    "plot_run": "bnas.report.plots",
    "run_search": "bnas.runs.search",
}

# Hidden from type checkers, which would otherwise take any name for a public one.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name on first use (PEP 562) and keep it, so that this runs once a name.

        Raises:
            AttributeError: `name` is not a public name of bnas.
        """
        if name not in _HOMES:
            message = (
                f"module 'bnas' has no attribute {name!r}; its public names: {', '.join(__all__)}"
            )
            raise AttributeError(message)
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
