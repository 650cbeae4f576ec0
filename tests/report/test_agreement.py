"""What pictures and tables say of proxy scores and final accuracies."""

import pytest

from bnas.report.plots.agreement import agreement_text, draw_agreement
from bnas.runs.fidelity.correlation import Correlation


@pytest.mark.parametrize(
    ("value", "low", "high", "n", "text"),
    [
        (None, None, None, 1, "Kendall's tau is not defined for 1 design"),
        (1.0, None, None, 3, "Kendall's tau 1.00, of 3 designs, which leave no interval"),
        (
            *(0.654, 0.21, 0.9, 12),
            "Kendall's tau 0.65 (95 % bootstrap interval 0.21 to 0.90), 12 designs",
        ),
    ],
)
def test_tau_comes_with_its_interval_or_says_why_not(
    value: float | None, low: float | None, high: float | None, n: int, text: str
) -> None:
    assert agreement_text(Correlation(value=value, low=low, high=high, n=n)) == text


def test_without_a_pair_of_scores_there_is_no_picture() -> None:
    none = Correlation(value=None, low=None, high=None, n=0)
    assert draw_agreement([], none, title="run", proxy="none") == {}
