"""The files that plots of a front are made of: what they hold, not how they look."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import pytest

from bnas.errors import RunError
from bnas.report.plots import write_front_plots
from bnas.runs.repeats import Estimate
from bnas.search.front import front
from bnas.search.objectives import ObjectiveName
from bnas.search.settings import Band
from bnas.search.trials import TrialRecord
from tests.report.fakes import changed, fake_evaluation, fake_records, with_outcome

Write = Callable[..., dict[str, bytes]]
TWO: tuple[ObjectiveName, ...] = ("accuracy", "ops")
THREE: tuple[ObjectiveName, ...] = ("accuracy", "ops", "packed_bytes")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the plots of some records, and returns the content of each file by its name."""

    def write(
        records: Sequence[TrialRecord],
        objectives: Sequence[ObjectiveName] = TWO,
        title: str = "resnet-digits-1",
        estimates: Mapping[str, Estimate] = MappingProxyType({}),
    ) -> dict[str, bytes]:
        paths = write_front_plots(
            tmp_path / "plots",
            title=title,
            subtitle="space resnet, evaluator digits",
            records=records,
            front=front(records, objectives),
            objectives=objectives,
            chance=0.1,
            bounds={"ops": Band(maximum=2e5)},
            estimates=estimates,
        )
        return {path.name: path.read_bytes() for path in paths}

    return write


class Page(HTMLParser):
    """Collects what a page would fetch, and the text of its table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action"}]
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip() if len(data) < 1000 else ""


def figure_in(page: str) -> dict[str, Any]:
    found = re.search(r"const figure = (\{.*\});", page)
    assert found is not None
    figure: dict[str, Any] = json.loads(found[1])
    return figure


@pytest.mark.parametrize("objectives", [TWO, THREE])
def test_three_files_are_written(
    write: Write, records: list[TrialRecord], tmp_path: Path, objectives: Sequence[ObjectiveName]
) -> None:
    files = write(records, objectives)
    assert list(files) == ["front.png", "front.svg", "front.html"]
    assert {path.name for path in (tmp_path / "plots").iterdir()} == set(files)
    assert files["front.png"].startswith(b"\x89PNG\r\n")
    assert ET.fromstring(files["front.svg"]).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314
    assert files["front.html"].startswith(b"<!DOCTYPE html>")


def test_the_same_trials_give_the_same_bytes(write: Write, records: list[TrialRecord]) -> None:
    assert write(records) == write(records)


def test_the_page_has_every_design_of_the_front_and_fetches_nothing(
    write: Write, records: list[TrialRecord]
) -> None:
    text = write(records)["front.html"].decode()
    page, best = Page(text), front(records, TWO)
    assert page.links == []
    assert "default-src 'none'" in text
    header, *rows = page.rows
    assert header[:4] == ["#", "design", "accuracy %", "OPs"]
    assert [row[0] for row in rows] == [str(n) for n in range(1, len(best) + 1)]
    assert [row[1][:12] for row in rows] == [record.digest for record in best]
    assert [row[3] for row in rows] == [f"{record.costs.ops:,.10g}" for record in best]


def test_the_chart_is_valid_and_shows_what_finished(
    write: Write, records: list[TrialRecord]
) -> None:
    figure = figure_in(write(records, THREE)["front.html"].decode())
    go.Figure(data=figure["data"], layout=figure["layout"])  # refuses what plotly does not know
    points = [
        point
        for trace in figure["data"]
        if trace["xaxis"] == "x"
        for point in trace.get("hovertext", ())
    ]
    finished = with_outcome(records, "finished")
    digests = [re.findall(r"<b>(\w{12})</b>", point)[0] for point in points]
    assert sorted(digests) == sorted(record.digest for record in finished)
    assert all("nonlinearity <b>" in point for point in points)


def test_every_repeated_design_has_its_interval(write: Write, records: list[TrialRecord]) -> None:
    finished = with_outcome(records, "finished")
    estimates = {}
    for record in finished[::2]:
        score = record.evaluation
        assert score is not None
        above = replace(score, accuracy=score.accuracy + 0.01)
        estimates[record.digest] = Estimate(seeds=(1, 2), evaluations=(score, above), num_failed=0)
    figure = figure_in(write(records, estimates=estimates)["front.html"].decode())
    drawn = {
        re.findall(r"<b>(\w{12})</b>", text)[0]: (y - below, y + above)
        for trace in figure["data"]
        if "error_y" in trace
        for text, y, below, above in zip(
            trace["hovertext"],
            trace["y"],
            trace["error_y"]["arrayminus"],
            trace["error_y"]["array"],
            strict=True,
        )
        if above
    }
    expected = {digest: found.interval for digest, found in estimates.items()}
    assert drawn.keys() == expected.keys()
    for digest, (low, high) in drawn.items():
        assert (low / 100, high / 100) == pytest.approx(expected[digest])


def test_a_front_of_one_seed_says_so(write: Write, records: list[TrialRecord]) -> None:
    assert "a single seed for each design" in write(records)["front.html"].decode()


@pytest.mark.parametrize("outcome", ["failed", "infeasible", "duplicate", "running", "stopped"])
def test_without_a_finished_trial_the_page_says_so(
    write: Write, records: list[TrialRecord], outcome: str
) -> None:
    failed = [changed(record, outcome=outcome, evaluation=None) for record in records[:3]]
    page = write(failed)["front.html"].decode()
    assert "No trial has finished better than guessing yet: there is no front to draw." in page
    words = {
        "failed": "failed",
        "infeasible": "outside the bounds",
        "duplicate": "repeated",
        "running": "without an outcome",
        "stopped": "stopped early",
    }
    assert f"0 finished trials; 3 {words[outcome]}." in page


def test_no_trial_at_all_is_drawn(write: Write) -> None:
    assert b"0 finished trials." in write([])["front.html"]


def test_one_trial_is_drawn(write: Write, records: list[TrialRecord]) -> None:
    page = write(with_outcome(records, "finished")[:1])["front.html"].decode()
    assert "1 finished trial, 1 on the front." in page
    assert "The design has" in page


def test_equally_good_designs_share_a_label(write: Write, records: list[TrialRecord]) -> None:
    first = with_outcome(records, "finished")[-1]
    twin = changed(first, number=first.number + 1000, digest="0123456789ab")
    figure = figure_in(write([first, twin])["front.html"].decode())
    assert [text for trace in figure["data"] for text in trace.get("text", ())] == ["<b>1, 2</b>"]


def test_two_names_of_one_network_are_both_given(write: Write, records: list[TrialRecord]) -> None:
    first = changed(with_outcome(records, "finished")[0], candidate="one")
    again = changed(first, number=first.number + 1000, candidate="two", outcome="duplicate")
    assert "one = two" in write([first, again])["front.html"].decode()


def test_names_are_text_and_nothing_else(write: Write, records: list[TrialRecord]) -> None:
    hostile = "</script><script>alert(1)</script> $x_1$ & 設計"
    record = changed(with_outcome(records, "finished")[0], candidate=hostile)
    files = write([record], title=hostile)
    assert b"<script>alert" not in files["front.html"]
    assert ET.fromstring(files["front.svg"]) is not None  # noqa: S314


def test_trials_far_below_the_front_do_not_flatten_it(
    write: Write, records: list[TrialRecord]
) -> None:
    good = [
        changed(r, evaluation=changed_accuracy(r, 0.9 + 0.01 * i), candidate=None)
        for i, r in enumerate(with_outcome(records, "finished")[:5])
    ]
    bad = changed(good[-1], number=999, digest="0" * 12, evaluation=changed_accuracy(good[-1], 0.1))
    low, high = figure_in(write([*good, bad])["front.html"].decode())["layout"]["yaxis"]["range"]
    assert low > 50
    assert high < 101


def changed_accuracy(record: TrialRecord, accuracy: float) -> Any:
    evaluation = fake_evaluation(record, np.random.default_rng(0))
    return type(evaluation)(accuracy=accuracy, loss=1.0, epochs=1, seconds=1.0)


def test_a_long_search_with_many_equally_good_designs_is_drawn(write: Write) -> None:
    trials = with_outcome(fake_records(60, max_ops=1e9), "finished")
    many = [changed(r, number=i * 1000 + r.number) for i in range(20) for r in trials]
    figure = figure_in(write(many)["front.html"].decode())
    texts = [text for trace in figure["data"] for text in trace.get("text", ())]
    assert "<b>1 ... 20</b>" in texts


def test_of_a_very_long_front_some_points_are_numbered(
    write: Write, records: list[TrialRecord]
) -> None:
    first = with_outcome(records, "finished")[-1]
    long = [
        changed(
            first,
            number=1000 + i,
            digest=f"{i:012x}",
            costs=replace(first.costs, ops=first.costs.ops + i),
            evaluation=changed_accuracy(first, 0.5 + i / 1000),
        )
        for i in range(100)
    ]
    figure = figure_in(write(long)["front.html"].decode())
    texts = [text for trace in figure["data"] for text in trace.get("text", ())]
    assert len(texts) == 34


def test_global_state_of_matplotlib_stays_as_it_was(
    write: Write, records: list[TrialRecord]
) -> None:
    mpl.rcParams["font.size"] = 17
    try:
        before = dict(mpl.rcParams)
        write(records)
        assert dict(mpl.rcParams) == before
    finally:
        mpl.rcdefaults()


def test_a_folder_that_cannot_be_written_is_reported(
    write: Write, records: list[TrialRecord], tmp_path: Path
) -> None:
    (tmp_path / "plots").write_text("in the way")
    with pytest.raises(RunError) as caught:
        write(records[:1])
    assert str(caught.value) == (
        f"{tmp_path / 'plots'} must be writable, but File exists; free space or correct the "
        "permissions, then resume the run: everything recorded before is kept"
    )


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(
    write: Write, records: list[TrialRecord], tmp_path: Path
) -> None:
    (tmp_path / "plots" / "front.png").mkdir(parents=True)
    with pytest.raises(RunError, match="must be writable, but Is a directory"):
        write(records[:1])
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["front.png"]
