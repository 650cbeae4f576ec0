from pathlib import Path

import numpy as np
import pytest

from bnas.architecture import digest
from bnas.search.pareto import hypervolume, ranks
from bnas.search.problems import OBJECTIVES, Synthetic, Table

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


@pytest.fixture(scope="module")
def synthetic() -> Synthetic:
    return Synthetic()


@pytest.fixture(scope="module")
def digits() -> Table:
    return Table(REFERENCE, name="digits-table", image_size=8, num_classes=10)


def test_no_design_lies_beyond_the_synthetic_front(synthetic: Synthetic) -> None:
    rng = np.random.default_rng(0)
    best = [(synthetic.accuracy(a), synthetic.cost(a).ops) for a in synthetic.best_designs()]
    front = [best[i] for i in np.flatnonzero(ranks(best, ["maximize", "minimize"]) == 0)]
    for _ in range(200):
        design = synthetic.space.sample(rng)
        accuracy, ops = synthetic.accuracy(design), synthetic.cost(design).ops
        assert any(a >= accuracy and o <= ops for a, o in front)
        assert ops < synthetic.reference[1]


def test_a_synthetic_training_ends_at_its_accuracy(synthetic: Synthetic) -> None:
    design = synthetic.space.sample(np.random.default_rng(0))
    curve = synthetic.curve(design)
    assert len(curve.accuracies) == synthetic.epochs
    assert curve.accuracies[-1] == pytest.approx(synthetic.accuracy(design))
    assert curve.accuracies == synthetic.curve(design).accuracies


def test_the_best_hypervolume_is_that_of_the_best_designs(synthetic: Synthetic) -> None:
    points = [(synthetic.accuracy(a), synthetic.cost(a).ops) for a in synthetic.best_designs()]
    expected = hypervolume(points, synthetic.reference, OBJECTIVES)
    assert synthetic.best_hypervolume == pytest.approx(expected)


def test_the_table_has_every_design_of_its_space(digits: Table) -> None:
    rng = np.random.default_rng(0)
    designs = {digest(a): a for a in (digits.space.sample(rng) for _ in range(200))}
    for design in designs.values():
        assert len(digits.curve(design).accuracies) == digits.epochs == 9
    assert digits.num_rows == digits.space.size() == 384


def test_the_costs_of_the_table_are_still_those_of_the_ledger(digits: Table) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        design = digits.space.sample(rng)
        assert digits.cost(design).ops == digits.ops(design)
