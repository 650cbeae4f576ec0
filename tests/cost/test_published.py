"""The file of published figures and its reader."""

from pathlib import Path

import pytest

from bnas.architecture import load_design
from bnas.cost import PublishedPoint, ledger, published_points
from bnas.cost.published import Figure
from bnas.errors import InvalidData

HEADER = "model,dataset,ops,ops_mark,ace,ace_mark,top1,top1_mark,source"


def point(model: str, dataset: str = "ImageNet") -> PublishedPoint:
    (found,) = (p for p in published_points() if (p.model, p.dataset) == (model, dataset))
    return found


def test_the_shipped_points() -> None:
    points = published_points()
    assert len(points) == 46
    assert len({(p.model, p.dataset, p.top1) for p in points}) == len(points)
    assert point("ReActNet-A") == PublishedPoint(
        model="ReActNet-A",
        dataset="ImageNet",
        ops=Figure(value=8.7e7, mark="V"),
        ace=None,
        top1=Figure(value=69.4, mark="V"),
        source="ReActNet (ECCV 2020)",
    )


def test_what_was_not_found_is_empty() -> None:
    assert point("Expert Binary Nets").ops is None
    assert point("BNext-L").ops is None


def test_what_is_only_remembered_is_not_citable() -> None:
    duo = point("BinaryDuo ResNet-18")
    assert duo.top1 is not None
    assert not duo.top1.is_citable
    assert duo.ops is not None
    assert duo.ops.is_citable
    assert not Figure(value=1.0, mark="").is_citable


@pytest.mark.parametrize("mark", ["V", "C", "S"])
def test_what_was_read_or_counted_is_citable(mark: str) -> None:
    assert Figure(value=1.0, mark=mark).is_citable  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("design", "model"),
    [
        ("reactnet-a", "ReActNet-A"),
        ("reactnet-resnet18", "ReActNet-ResNet18"),
        ("bireal-18", "Bi-Real-18"),
    ],
)
def test_the_ledger_agrees_with_verified_operations_within_one_percent(
    design: str, model: str
) -> None:
    published = point(model).ops
    assert published is not None
    assert published.mark == "V"
    architecture = load_design(design).architecture
    counted = ledger(architecture, image_size=224, num_classes=1000).totals.ops
    # Published are two or three digits; those of ResNet-18 leave the classifier out.
    assert counted == pytest.approx(published.value, rel=0.01)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["model,top1"],
            f"FILE: the columns must be {HEADER}, but got model,top1; write them as the first line",
        ),
        (
            [],
            f"FILE: the columns must be {HEADER}, but got none; write them as the first line",
        ),
        (
            [HEADER, "a,b,1e8,X,,,60,V,c"],
            (
                "FILE, line 2: ops_mark must be one of V, C, S, M or empty, but got 'X'; "
                "say where the figure comes from"
            ),
        ),
        (
            [HEADER, "a,b,1e8,V,,,sixty,V,c"],
            ("FILE, line 2: top1 must be a positive number or empty, but got 'sixty'; correct it"),
        ),
        (
            [HEADER, "a,b,nan,V,,,60,V,c"],
            "FILE, line 2: ops must be a positive number or empty, but got 'nan'; correct it",
        ),
        (
            [HEADER, "a,b"],
            "FILE, line 2: a row must have 9 cells; write an empty one where nothing is known",
        ),
        (
            [HEADER, "a,b,1e8,V,,,60,V,c,d"],
            "FILE, line 2: a row must have 9 cells; write an empty one where nothing is known",
        ),
        (
            [HEADER, 'a,"b'],
            "FILE: cannot be read as CSV: unexpected end of data; give another file",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    file = tmp_path / "points.csv"
    file.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(InvalidData) as caught:
        published_points(file)
    assert str(caught.value).replace(str(file), "FILE") == message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    with pytest.raises(InvalidData) as caught:
        published_points(file)
    assert str(caught.value) == (
        f"{file}: cannot be read as CSV: [Errno 2] No such file or directory: '{file}'; "
        "give another file"
    )
