"""How all pictures of matplotlib look, and what files they become."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from bnas.report.plots.palette import INK, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 200
# On top of matplotlib's own defaults, whatever the user's matplotlibrc says.
_STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "text.color": INK,
    "svg.hashsalt": "bnas",
    "svg.fonttype": "path",
}


def drawn(draw: Callable[[], "Figure"], *, title: str) -> dict[str, bytes]:
    """A picture as the content of a .png and of a .svg file, the same for the same picture.

    Args:
        draw: Draws it in the style of all pictures.
        title: Written into the .svg file.
    """
    with _own_style():
        figure = draw()
        return {
            "png": _saved(figure, "png", {"Software": None}),
            "svg": _saved(figure, "svg", {"Date": None, "Creator": None, "Title": title}),
        }


@contextmanager
def _own_style() -> Iterator[None]:
    from matplotlib import style

    with style.context(["default", _STYLE]), warnings.catch_warnings():
        # A name in a script that the font does not have is drawn as boxes.
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from font", category=UserWarning
        )
        yield


def _saved(figure: "Figure", kind: str, metadata: dict[str, str | None]) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=DPI, metadata=metadata)
    return content.getvalue()
