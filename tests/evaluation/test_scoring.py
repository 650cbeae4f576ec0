"""Scores of trained networks, against plain counting and SciPy's intervals."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from bnas.data import DataSettings, stratified_split
from bnas.evaluation.scoring import score_network, wilson
from bnas.export.loading import load
from bnas.export.weights import write_network
from tests.export.conftest import DESIGN, NORMALISATION, network_of


@pytest.mark.parametrize(("successes", "number"), [(0, 5), (5, 5), (1, 3), (270, 300), (9, 10_000)])
def test_the_interval_is_wilsons(successes: int, number: int) -> None:
    expected = binomtest(successes, number).proportion_ci(method="wilson")
    assert wilson(successes, number) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_classes_are_counted(tmp_path: Path) -> None:
    write_network(tmp_path, network_of(DESIGN), design=DESIGN, normalisation=NORMALISATION)
    network = load(tmp_path)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (90, 8, 8, 2)).astype(np.uint8)
    labels = rng.permutation(90) % 3
    path = tmp_path / "images.npz"
    np.savez(path, x=pixels, y=labels)
    found = score_network(network, DataSettings(source=str(path)), part="all")
    with torch.no_grad():
        guesses = network(torch.from_numpy(pixels).permute(0, 3, 1, 2)).argmax(1).numpy()
    assert found.accuracy == pytest.approx((guesses == labels).mean())
    assert [one.images for one in found.classes] == [30, 30, 30]
    for one in found.classes:
        own = guesses[labels == one.label]
        assert one.correct == (own == one.label).sum()
        others = [(own == other).sum() if other != one.label else 0 for other in range(3)]
        assert one.mistakes == max(others)
        assert one.mistaken_for in (None, int(np.argmax(others)))
    tested = score_network(network, DataSettings(source=str(path), split_seed=4))
    split = stratified_split(labels, seed=4)
    right = guesses[split.test] == labels[split.test]
    assert tested.images == len(split.test)
    assert tested.accuracy == pytest.approx(right.mean())
