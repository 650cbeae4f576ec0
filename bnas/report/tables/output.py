"""Printing of tables, and how all of them look."""

import os
import sys
from collections.abc import Iterable

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

# Nobody breaks the lines of a file, so there they may be long; COLUMNS sets another width.
_WIDTH_OF_A_FILE = 160

# A width to measure what a table would like to have.
UNLIMITED = 10_000


def show(renderable: RenderableType) -> None:
    """Prints to standard output, as wide as the terminal; a file gets no escape codes."""
    console = Console(markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        console.print(renderable)
        return
    if "COLUMNS" not in os.environ:
        console.width = _WIDTH_OF_A_FILE
    with console.capture() as capture:
        console.print(renderable)
    lines = capture.get().splitlines()
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))


def table(*columns: str, numbers: Iterable[str] = (), wrap: Iterable[str] = ()) -> Table:
    """An empty table.

    Args:
        columns: Titles in order.
        numbers: Titles of the columns that are aligned to the right.
        wrap: Titles of the columns whose cells may be broken into lines.
    """
    empty = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in columns:
        empty.add_column(
            title,
            justify="right" if title in numbers else "left",
            no_wrap=title not in wrap,
            overflow="fold",
        )
    return empty


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Names with what there is to say about each, side by side; empty texts are left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        if text:
            grid.add_row(name, text)
    return grid


def quiet(text: str) -> Text:
    """A remark."""
    return Text(text, style="dim")
