import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bnas.architecture import (
    Architecture,
    Design,
    Stage,
    Stem,
    Unit,
    canonical,
    digest,
    load_design,
    published_names,
)
from bnas.cost import ALL_ELEMENTWISE, ledger
from bnas.report.tables import (
    design_table,
    designs_table,
    evaluators_table,
    front_table,
    ledger_table,
    show,
    spaces_table,
    status_table,
)
from bnas.runs.repeats import Repetition, estimates, with_means
from bnas.runs.run import Status
from bnas.search.front import front
from bnas.search.objectives import ObjectiveName
from bnas.search.port import Evaluation
from bnas.search.trials import TrialRecord
from bnas.space import load_space
from tests.report.fakes import changed

Printed = Callable[..., str]
TWO: tuple[ObjectiveName, ...] = ("accuracy", "ops")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Printed:
    """What `show` prints, without the blank lines at both ends."""

    def printed(renderable: object, columns: int | None = None) -> str:
        if columns is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", str(columns))
        show(renderable)  # type: ignore[arg-type]
        return capsys.readouterr().out.strip("\n")

    return printed


SMALL = Design(
    name="small",
    architecture=canonical(
        Architecture(
            skeleton="resnet",
            stem=Stem(width=8),
            stages=(
                Stage(depth=1, width=8, unit=Unit(shortcut="block", nonlinearity="relu")),
                Stage(depth=1, width=16, stride=2, unit=Unit(groups=4, nonlinearity="relu")),
            ),
        )
    ),
    image_size=8,
    num_classes=10,
    in_channels=1,
    description="A small one",
)


def small_ledger(printed: Printed, *, columns: int | None = None, verbose: bool = False) -> str:
    priced = ledger(SMALL.architecture, image_size=8, num_classes=10, in_channels=1)
    return printed(
        ledger_table(SMALL, priced, image_size=8, num_classes=10, verbose=verbose), columns
    )


LEDGER = """\
design small (77d858aa6cb9)
A small one
priced for 8x8 images, 1 channel, 10 classes
counting bi-real: one operation a MAC, nothing else: Bi-Real Net, Real-to-Binary, ReActNet, NAS-BNN
layer kind channels kernel groups size BOPs FLOPs OPs params bytes
stem.conv real-conv 1->8 3x3 8x8 4,608 4,608 72 288
stage1.block1.unit1.conv binary-conv 8->8 3x3 8x8 36,864 576 576 72
stage1.block1.unit2.conv binary-conv 8->8 3x3 8x8 36,864 576 576 72
stage2.block1.unit1.conv binary-conv 8->16 3x3 4 4x4 4,608 72 288 36
stage2.block1.unit1.shortcut.conv real-conv 8->16 1x1 4x4 2,048 2,048 128 512
stage2.block1.unit2.conv binary-conv 16->16 3x3 4 4x4 9,216 144 576 72
classifier linear 16->10 1x1 160 160 170 680
19 other layers 144 576
total 87,552 6,816 8,184 2,530 2,308
BOPs 87,552 operations with two 1-bit operands
FLOPs 6,816 all other operations that are counted
OPs 8,184 BOPs / 64 + FLOPs
ACE 1,832,448 sum over MACs of weight bits times activation bits, 16 for a real operand
1-bit weights 2,016
real parameters 514
packed bytes 2,308 weights as they are deployed
element-wise operations 7,434 not counted here: {elementwise}
peak activation bytes 4,160 activations that are alive at once, for one image
float twin 94,368 FLOPs of the same network with real operands only
""".format(
    elementwise="norm 2,304, sign 1,792, nonlinearity 1,536, addition 1,024, pooling 768, linear 10"
)


def words(text: str) -> list[str]:
    """The lines with something in them, one blank between two words."""
    lines = [" ".join(line.split()) for line in text.replace("─", "").splitlines()]
    return [line for line in lines if line]


def test_a_ledger_lists_what_counts_and_folds_the_rest(printed: Printed) -> None:
    assert words(small_ledger(printed)) == LEDGER.splitlines()


def test_a_verbose_ledger_lists_every_layer(printed: Printed) -> None:
    lines = words(small_ledger(printed, verbose=True))
    assert "stage2.block1.unit1.norm norm 16->16 4x4 32 128" in lines
    assert "stage1.block1.addition addition 8->8 8x8" in lines
    assert "pool pooling 16->16 4x4 1x1" in lines
    assert not any("other layers" in line for line in lines)


def test_a_convention_that_counts_element_wise_operations_is_named(printed: Printed) -> None:
    priced = ledger(
        SMALL.architecture,
        image_size=8,
        num_classes=10,
        in_channels=1,
        convention=ALL_ELEMENTWISE,
    )
    text = printed(ledger_table(SMALL, priced, image_size=8, num_classes=10))
    assert "counting    all-elementwise: " in text
    assert "element-wise operations      7,434  norms, additions" in text
    assert "other layers" not in text


def test_a_narrow_terminal_loses_columns_but_no_digit(printed: Printed) -> None:
    text = small_ledger(printed, columns=70)
    assert max(map(len, text.splitlines())) <= 70
    assert text.splitlines()[6].split() == ["layer", "BOPs", "FLOPs", "OPs"]
    assert (
        "No room for groups, bytes, params, kernel, size, kind, channels: a\n"
        "wider terminal or --json shows them."
    ) in text
    total = next(line for line in text.splitlines() if line.startswith(" total"))
    assert total.split() == ["total", "87,552", "6,816", "8,184"]


@pytest.mark.parametrize("name", published_names())
@pytest.mark.parametrize("verbose", [False, True])
def test_totals_of_published_designs_are_exact(printed: Printed, name: str, verbose: bool) -> None:
    design = load_design(name)
    priced = ledger(
        design.architecture, image_size=design.image_size, num_classes=design.num_classes
    )
    text = printed(
        ledger_table(
            design,
            priced,
            image_size=design.image_size,
            num_classes=design.num_classes,
            verbose=verbose,
        )
    )
    for value in (*priced.totals.as_dict().values(), priced.float_twin_flops):
        assert f" {value:,.12g} " in text.replace("\n", " ")
    first_words = {line.split()[0] for line in text.splitlines() if line.strip()}
    assert {row.name for row in priced.layers if verbose or row.ops} <= first_words
    assert any(word.endswith(".norm") for word in first_words) == verbose


DESIGN = """\
design    small (77d858aa6cb9)
          A small one
made for  8x8 images, 1 channel
skeleton  resnet: blocks of two 3x3 units
stem      real 3x3, 8 channels
head      average pooling, real linear 16->10

Units of all stages
activation_estimator  ste
weight_estimator      ste
threshold             fixed
weight_scale          none
order                 sign-conv-norm
nonlinearity          relu
placement             after-addition
shuffle               false

 stage   blocks   channels   stride   widening      downsampling   shortcut   groups
 ───────────────────────────────────────────────────────────────────────────────────
     1        1       8->8        1   -             -              block      1
     2        1      8->16        2   convolution   real-1x1       conv       4"""


def test_a_design_says_common_choices_once_and_deviations_by_stage(printed: Printed) -> None:
    assert printed(design_table(SMALL)) == DESIGN


def test_a_design_of_equal_stages_has_no_deviations(printed: Printed) -> None:
    text = printed(design_table(load_design("reactnet-a")))
    assert "\nUnits\nactivation_estimator  approxsign\n" in text
    assert "\nsource    ReActNet (ECCV 2020)\n" in text
    assert text.splitlines()[-1].split() == ["5", "2", "512->1024", "2", "duplicate", "-"]


def test_a_design_without_a_name_is_called_by_its_digest(printed: Printed) -> None:
    name = digest(SMALL.architecture)
    text = printed(design_table(replace(SMALL, name=name, description="")))
    assert text.splitlines()[:2] == [f"design    {name}", "made for  8x8 images, 1 channel"]


def two_designs(records: list[TrialRecord]) -> list[TrialRecord]:
    evaluation = Evaluation(accuracy=0.9, loss=0.3, epochs=8, seconds=3.0)
    first = changed(
        records[0],
        digest="0123456789ab",
        outcome="finished",
        evaluation=evaluation,
        choices={"width": 16, "stage1.groups": 1, "stage2.groups": 4, "shuffle": False},
        costs=replace(records[0].costs, ops=9_972.5),
        candidate="bireal-[bold]",
    )
    second = changed(
        first,
        digest="ba9876543210",
        choices={"width": 24, "stage1.groups": 1, "stage2.groups": 1, "shuffle": False},
        costs=replace(records[0].costs, ops=21_376.0),
        evaluation=replace(evaluation, accuracy=0.98333),
        candidate=None,
    )
    return [first, second]


FRONT = """\
 #   design                       accuracy %       OPs   choices that differ
 ───────────────────────────────────────────────────────────────────────────
 1   0123456789ab bireal-[bold]        90.00   9,972.5   width 16, groups 1/4
 2   ba9876543210                      98.33    21,376   width 24, groups 1

In common: shuffle false"""


SINGLE_SEED = (
    "One seed for each design: the order of close ones may be luck, which "
    "`bnas repeat RUN --front --seeds 3` tells."
)


def test_a_front_shows_only_the_choices_that_differ(
    printed: Printed, records: list[TrialRecord]
) -> None:
    lines = printed(front_table(two_designs(records), TWO)).splitlines()
    expected = [*FRONT.splitlines(), SINGLE_SEED]
    assert set(lines.pop(1)) == set(expected.pop(1))
    assert lines == expected


def test_on_a_narrow_terminal_a_front_has_no_choices(
    printed: Printed, records: list[TrialRecord]
) -> None:
    text = printed(front_table(two_designs(records), TWO), columns=80)
    assert text.splitlines()[2:] == [
        " 1   0123456789ab bireal-[bold]        90.00   9,972.5",
        " 2   ba9876543210                      98.33    21,376",
        "",
        "`bnas show RUN/DIGEST`, or a wider terminal, shows the choices.",
        "One seed for each design: the order of close ones may be luck, which `bnas",
        "repeat RUN --front --seeds 3` tells.",
    ]


def test_a_front_of_one_design_has_no_choices_that_differ(
    printed: Printed, records: list[TrialRecord]
) -> None:
    text = printed(front_table(two_designs(records)[:1], ("accuracy", "packed_bytes")))
    assert text.splitlines()[0].split() == ["#", "design", "accuracy", "%", "packed", "bytes"]
    assert text.splitlines()[-2:] == [
        "In common: width 16, groups 1/4, shuffle false",
        SINGLE_SEED,
    ]


def test_a_repeated_front_shows_means_with_their_intervals(
    printed: Printed, records: list[TrialRecord]
) -> None:
    designs = two_designs(records)
    scores = [Evaluation(accuracy=a, loss=0.5, epochs=4, seconds=1.0) for a in (0.8, 0.9)]
    known = estimates(
        Repetition(digest=designs[0].digest, seed=seed, evaluation=score)
        for seed, score in enumerate(scores)
    )
    text = printed(front_table(with_means(designs, known), TWO, known), columns=100)
    lines = text.splitlines()
    assert lines[0].split()[2:] == ["accuracy", "%", "OPs", "95", "%", "interval", "seeds"]
    assert lines[2].split()[-6:] == ["85.00", "9,972.5", "21.47", "to", "100.00", "2"]
    assert lines[3].split()[-4:] == ["98.33", "21,376", "-", "1"]
    assert lines[-1] == (
        "Accuracies are means over new seeds with the 95 % t-interval of the mean. "
        "Still of a single seed: 1."
    )


def test_a_sampled_front_has_every_digest(printed: Printed, records: list[TrialRecord]) -> None:
    best = front(records, TWO)
    text = printed(front_table(best, TWO))
    assert all(record.digest in text for record in best)


def test_an_empty_front_is_a_sentence(printed: Printed) -> None:
    sentence = "No trial has finished better than guessing yet: there is no front to show."
    assert printed(front_table([], TWO)) == sentence


STATUS = """\
trials      30  asked for
finished    29
stopped      0
failed       1
infeasible  11  outside the bounds, not trained
duplicate    3  proposed before, not trained again
running      0  at work, or left by an interruption

best accuracy  98.00 %
best OPs       7,150
hypervolume    1.2346, accuracy times log10 of each cost, from accuracy 10.00 %, OPs 200,000"""


def test_a_status_shows_counts_best_values_and_hypervolume(printed: Printed) -> None:
    status = Status(
        counts={
            "finished": 29,
            "stopped": 0,
            "failed": 1,
            "infeasible": 11,
            "duplicate": 3,
            "running": 0,
        },
        trials=30,
        best={"accuracy": 0.98, "ops": 7150.0},
        hypervolume=1.23456,
        reference={"accuracy": 0.1, "ops": 200_000.0},
    )
    assert printed(status_table(status)) == STATUS


def test_spaces_evaluators_and_designs_have_a_row_each(printed: Printed) -> None:
    spaces = printed(spaces_table([load_space("resnet"), load_space("mobilenet")]))
    assert [line.split()[0] for line in spaces.splitlines() if not line.startswith("   ")][2:] == [
        "resnet",
        "mobilenet",
    ]
    evaluators = printed(evaluators_table({"digits": "Handwritten [red]digits"}))
    assert evaluators.splitlines()[-1] == " digits      Handwritten [red]digits"
    designs = printed(designs_table([load_design("reactnet-a")]))
    row = next(line for line in designs.splitlines() if line.startswith(" reactnet-a"))
    size, classes, ops, packed, published, mark, top1 = row.split()[1:8]
    assert (size, classes, ops, packed) == ("224x224", "1000", "87,126,016", "7,936,928")
    assert (published, mark, top1) == ("8.7e7", "V", "69.4")


def test_a_file_has_neither_escape_codes_nor_blanks_at_the_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.txt"
    with path.open("w", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdout", file)
        show(design_table(SMALL))
    text = path.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())
