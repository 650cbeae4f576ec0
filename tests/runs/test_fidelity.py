"""Measurements of proxies: their plan, their sample, their table, and what they come to."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import yaml

from bnas.errors import BnasError, InvalidConfiguration, RunError
from bnas.evaluation import load_evaluator
from bnas.report.tables.fidelity import advice
from bnas.runs.fidelity.analysis import report
from bnas.runs.fidelity.plan import TRUTH, Plan, load_plan, resolve
from bnas.runs.fidelity.report import Report
from bnas.runs.fidelity.sample import stratified
from bnas.runs.fidelity.table import (
    Measurement,
    append_measurement,
    begin_measurements,
    read_measurements,
)
from bnas.search.port import Progress
from bnas.search.trials import TrialRecord
from bnas.space import SearchSpace


def plan(designs: int = 12, *, seeds: int = 2, recommend: float = 0.8, **options: object) -> Plan:
    sample = {"designs": designs, "seeds": seeds, "recommend": recommend}
    return resolve(space="resnet", evaluator="digits", sample=sample, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sample() -> list[TrialRecord]:
    whole = plan()
    evaluator = whole.truth.build()
    return stratified(SearchSpace(whole.space), 12, cost=evaluator.cost, settings=whole.search)


class TestPlan:
    def test_the_truth_is_the_evaluator_trained_longer(self) -> None:
        found = plan(variants=["epochs=2, recipe.batch_size=32"], proxies=["zero-cost"])
        own = load_evaluator("digits")
        assert found.truth == own.model_copy(update={"epochs": 5 * own.epochs})
        assert list(found.proxies) == ["digits", "epochs=2, recipe.batch_size=32"]
        assert found.proxies["digits"] == own
        variant = found.proxies["epochs=2, recipe.batch_size=32"]
        assert (variant.epochs, variant.recipe.batch_size) == (2, 32)
        assert list(found.scores) == ["zero-cost"]

    def test_the_truth_can_be_trained_otherwise_too(self) -> None:
        found = plan(truth="recipe.batch_size=32, subset=null").truth
        assert (found.epochs, found.recipe.batch_size) == (20, 32)
        assert plan(truth="epochs=7").truth.epochs == 7

    def test_what_is_trained_as_the_truth_is_no_proxy(self) -> None:
        assert list(plan(truth="epochs=4").proxies) == []

    def test_trainings_of_several_threads_share_the_cpus(self, tmp_path: Path) -> None:
        path = tmp_path / "wide.yaml"
        own = load_evaluator("digits").model_copy(update={"threads": 1000})
        path.write_text(yaml.safe_dump(own.model_dump(mode="json", exclude_none=True)))
        found = resolve(space="resnet", evaluator=str(path))
        assert found.search.workers == 1

    def test_another_engine_brings_its_own_defaults(self) -> None:
        whole = plan(search={"address": "10.0.0.1:6379", "workers": 8})
        inline = whole.with_search({"engine": "inline"}).search
        assert (inline.address, inline.workers) == (None, 1)
        same = whole.with_search({"engine": "ray"}).search
        assert (same.address, same.workers) == ("10.0.0.1:6379", 8)

    def test_its_file_repeats_it(self, tmp_path: Path) -> None:
        whole = plan(variants=["epochs=2"], search={"bounds": {"ops": {"maximum": 1e5}}})
        path = tmp_path / "config.yaml"
        path.write_text(whole.to_yaml())
        again = load_plan(path)
        assert again.to_yaml() == whole.to_yaml()
        assert (again.truth, again.search) == (whole.truth, whole.search)

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (
                {"designs": 3},
                "fidelity: 'sample.designs' must be greater than or equal to 4, but got 3",
            ),
            (
                {"recommend": 1.0},
                "fidelity: 'sample.recommend' must be less than 1, but got 1.0",
            ),
            (
                {"variants": ["epochs"]},
                "--variant takes KEY=VALUE, but got 'epochs'; as in `--variant epochs=3`",
            ),
            (
                {"variants": ["epochs=0"]},
                "--variant epochs=0: 'epochs' must be greater than or equal to 1, but got 0",
            ),
            (
                {"truth": "epochs=0"},
                "--truth epochs=0: 'epochs' must be greater than or equal to 1, but got 0",
            ),
            (
                {"truth": "epochs"},
                "--truth takes KEY=VALUE, but got 'epochs'; as in `--truth epochs=40`",
            ),
            (
                {"proxies": ["zero-cost"], "variants": []},
                None,
            ),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, options: dict[str, object], expected: str | None
    ) -> None:
        if expected is None:
            plan(**options)  # type: ignore[arg-type]
            return
        with pytest.raises(BnasError) as caught:
            plan(**options)  # type: ignore[arg-type]
        assert str(caught.value) == expected

    def test_names_of_proxies_must_differ(self, tmp_path: Path) -> None:
        path = tmp_path / "other.yaml"
        path.write_text("kind: zero-cost\nname: other\ndescription: A test\nscores: [naswot]\n")
        with pytest.raises(BnasError) as caught:
            plan(proxies=["zero-cost", str(path)])
        assert str(caught.value) == (
            "fidelity: every proxy must have a name of its own, but 'naswot' is one of several; "
            "leave one out or rename its evaluator"
        )

    @pytest.mark.parametrize("name", ["digits", "zero-cost"])
    def test_no_evaluator_takes_the_place_of_another(self, name: str) -> None:
        with pytest.raises(InvalidConfiguration) as caught:
            plan(proxies=["zero-cost", name])
        assert str(caught.value) == (
            f"fidelity: every proxy must have a name of its own, but {name!r} is one of several; "
            "leave one out or rename its evaluator"
        )


class TestSample:
    def test_it_is_spread_over_log_ops(self, sample: list[TrialRecord]) -> None:
        logs = sorted(math.log(record.costs.ops) for record in sample)
        assert len({record.digest for record in sample}) == 12
        # Twelve strata of equal width: no gap is wider than two.
        assert max(np.diff(logs)) <= 2 * (logs[-1] - logs[0]) / 11
        assert [r.digest for r in sample] == sorted(r.digest for r in sample)

    def test_the_seed_decides_it_and_bounds_hold(self) -> None:
        whole = plan(search={"bounds": {"ops": {"minimum": 2e4, "maximum": 4e4}}})
        space, cost = SearchSpace(whole.space), whole.truth.build().cost

        def drawn(seed: int) -> list[TrialRecord]:
            settings = whole.search.model_copy(update={"seed": seed})
            return stratified(space, 5, cost=cost, settings=settings)

        assert drawn(1) == drawn(1) != drawn(2)
        assert all(2e4 <= record.costs.ops <= 4e4 for record in drawn(1))

    def test_too_few_designs_are_refused(self) -> None:
        whole = plan(search={"bounds": {"ops": {"maximum": 10}}})
        with pytest.raises(BnasError) as caught:
            stratified(
                SearchSpace(whole.space), 4, cost=whole.truth.build().cost, settings=whole.search
            )
        assert str(caught.value) == (
            "a sample of 4 different designs was asked for, but among 2,000 random ones of the "
            "space resnet only 0 lie within the bounds; ask for fewer or widen the bounds"
        )


def trained(proxy: str, digest: str, seed: int, accuracies: Iterable[float]) -> Measurement:
    progress = tuple(
        Progress(epoch=epoch, accuracy=a, loss=2 - a, seconds=0.5 * epoch)
        for epoch, a in enumerate(accuracies, start=1)
    )
    return Measurement(
        proxy=proxy, digest=digest, seed=seed, progress=progress, seconds=progress[-1].seconds
    )


class TestTable:
    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "fidelity.csv"
        written = [
            trained("long", "abcd", 1, (1 / 3, 2 / 3)),
            Measurement(proxy="naswot", digest="abcd", seed=0, score=-math.inf, seconds=0.25),
            Measurement(proxy="long", digest="ef", seed=2, error='E: "nan", they say'),
        ]
        assert read_measurements(path) == []
        for one in written:
            append_measurement(path, one)
        assert read_measurements(path) == written

    def test_half_a_line_is_passed_over_and_mended(self, tmp_path: Path) -> None:
        path = tmp_path / "fidelity.csv"
        append_measurement(path, trained("long", "abcd", 1, (0.5,)))
        with path.open("a") as file:
            file.write("long,abcd,2,fin")
        assert len(read_measurements(path)) == 1
        begin_measurements(path)
        append_measurement(path, trained("long", "abcd", 2, (0.7,)))
        assert [one.seed for one in read_measurements(path)] == [1, 2]

    def test_a_damaged_table_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "fidelity.csv"
        append_measurement(path, trained("long", "abcd", 1, (0.5,)))
        path.write_text(path.read_text().replace("abcd,1", "abcd,one"))
        with pytest.raises(RunError) as caught:
            read_measurements(path)
        assert str(caught.value) == (
            f"{path} must be a table of measurements, but line 2 is not one of it; restore it "
            "from a copy, or cut it before that line"
        )


class TestReport:
    def found(
        self, sample: list[TrialRecord], *, noise: float = 0.0, recommend: float = 0.8
    ) -> Report:
        """Accuracy grows with the rank; two designs guess; naswot is the rank turned round."""
        whole = plan(recommend=recommend, truth="epochs=5", proxies=["zero-cost"])
        rng = np.random.default_rng(0)
        measurements = []
        for rank, record in enumerate(sample):
            final = 0.1 if rank < 2 else 0.2 + 0.05 * rank
            for seed in (1, 2):
                curve = [final / 2, final / 2, final / 2, final / 2, final + 0.01 * seed]
                measurements.append(trained(TRUTH, record.digest, seed, curve))
            accuracies = final + noise * rng.normal(size=4)
            measurements.append(trained("digits", record.digest, 0, accuracies))
            measurements += [
                Measurement(proxy=name, digest=record.digest, seed=0, score=score, seconds=0.001)
                for name, score in (("naswot", -float(rank)), ("ops", record.costs.ops))
            ]
        return report(whole, sample, measurements, chance=0.1, num_images=300)

    def test_the_title_says_how_the_truth_was_trained(self) -> None:
        def title(**options: object) -> str:
            return report(plan(**options), [], [], chance=0.1, num_images=300).title  # type: ignore[arg-type]

        start = "space resnet, evaluator digits, 0 designs, truth"
        assert title(truth="epochs=9", seeds=1) == f"{start} 9 epochs, 1 seed"
        changed = "epochs=9, subset=500, recipe.batch_size=32"
        assert title(truth=changed) == f"{start} 9 epochs, subset 500, recipe, 2 seeds"

    def test_the_truth_is_described(self, sample: list[TrialRecord]) -> None:
        truth = self.found(sample).truth
        assert truth is not None
        assert (truth.num_designs, truth.num_failed, truth.num_unlearned) == (12, 0, 2)
        assert truth.learns_above == pytest.approx(0.1 + 3 * math.sqrt(0.1 * 0.9 / 300))
        assert truth.deviation == pytest.approx(0.01 / math.sqrt(2))
        assert truth.ceiling is not None
        assert truth.ceiling.value == pytest.approx(1)

    def test_proxies_are_compared_with_it(self, sample: list[TrialRecord]) -> None:
        found = {proxy.title: proxy for proxy in self.found(sample, noise=0.05).proxies}
        assert list(found) == [
            *(f"digits, epoch {epoch}" for epoch in (1, 2, 3, 4)),
            *(f"long, epoch {epoch}" for epoch in (1, 2, 3)),
            *("naswot", "ops"),
        ]
        assert found["naswot"].spearman.value == pytest.approx(-1, abs=0.01)
        assert found["naswot"].learners.value == pytest.approx(-1)
        assert found["naswot"].learners.n == 10
        assert found["long, epoch 2"].spearman.value == pytest.approx(1)
        assert found["digits, epoch 3"].seconds == pytest.approx(1.5)
        assert found["ops"].kind == "baseline"

    def test_the_cheapest_good_enough_one_is_recommended(self, sample: list[TrialRecord]) -> None:
        noisy = self.found(sample, noise=0.05, recommend=0.5)
        assert noisy.recommended is not None
        assert noisy.recommended.title == "digits, epoch 1"
        assert advice(noisy) == (
            "recommended: digits, epoch 1, the cheapest proxy whose whole interval lies at 0.5 or "
            "above"
        )
        strict = self.found(sample, noise=0.05, recommend=0.97)
        assert advice(strict) == (
            "recommended: none; no interval lies at 0.97 or above. By its value alone it would be "
            "digits, epoch 1, which more designs could settle"
        )
        none = self.found(sample[:1])
        assert none.truth is None
        assert advice(none) == "recommended: none; no proxy has a correlation of 0.8 or more"

    def test_failures_are_counted(self, sample: list[TrialRecord]) -> None:
        whole = plan(seeds=1, truth="epochs=5")
        measurements = [
            *(trained(TRUTH, r.digest, 1, [0.5 + i / 30]) for i, r in enumerate(sample[:-1])),
            Measurement(proxy=TRUTH, digest=sample[-1].digest, seed=1, error="nan"),
            *(trained("digits", r.digest, 0, [i / 30] * 4) for i, r in enumerate(sample[2:])),
        ]
        found = report(whole, sample, measurements, chance=0.1, num_images=300)
        assert found.truth is not None
        assert (found.truth.num_failed, found.truth.ceiling, found.truth.deviation) == (
            1,
            None,
            None,
        )
        # One seed leaves nothing to compare the first epochs of the long training with.
        assert {proxy.kind for proxy in found.proxies} == {"training"}
        assert [proxy.num_failed for proxy in found.proxies] == [2] * 4
        assert found.proxies[0].spearman.n == 9
