"""What a search optimises: accuracy against one or two exact costs."""

from collections.abc import Sequence
from typing import Literal

from bnas.cost.ledger import COSTS, Cost

ObjectiveName = Literal["accuracy", Cost]
Direction = Literal["maximize", "minimize"]

ACCURACY: ObjectiveName = "accuracy"


def direction(name: ObjectiveName) -> Direction:
    """Accuracy is maximised, every cost is minimised."""
    return "maximize" if name == ACCURACY else "minimize"


def accuracy_first(names: Sequence[ObjectiveName]) -> tuple[ObjectiveName, ...]:
    """Puts accuracy before the one or two costs it is weighed against.

    Raises:
        ValueError: a name occurs twice, accuracy is missing, or the number is not two or three.
    """
    shown = ", ".join(names) or "none"
    if len(set(names)) != len(names):
        raise ValueError(f"objectives must differ, but got {shown}; name each of them once")
    if ACCURACY not in names or not 2 <= len(names) <= 3:
        raise ValueError(
            f"objectives must be accuracy and one or two costs, but got {shown}; "
            f"name accuracy and one or two of {', '.join(COSTS)}"
        )
    return (ACCURACY, *(name for name in names if name != ACCURACY))
