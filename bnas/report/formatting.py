"""Numbers as people read them: exact, short, percent and time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ops": "OPs",
        "bops": "BOPs",
        "flops": "FLOPs",
        "ace": "ACE",
        "binary_params": "1-bit weights",
        "real_params": "real parameters",
        "elementwise": "element-wise operations",
    }
)
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def label(name: str) -> str:
    """What an objective or a total is called: OPs, packed bytes."""
    return _LABELS.get(name, name.replace("_", " "))


def exact(value: float) -> str:
    """Every digit, with thousands separators: 4,816,896,000 or 1,234.5.

    OPs are multiples of 1/64, which six decimals write exactly.
    """
    text = f"{value:,.6f}"
    return text.rstrip("0").rstrip(".")


def short(value: float, unit: str = "") -> str:
    """Three significant digits with an SI prefix: 87.1M, 1.5k, 640, 21.4 kB."""
    rounded = float(f"{value:.3g}")
    prefix = 0
    while abs(rounded) >= 1000 and prefix < len(_PREFIXES) - 1:
        rounded /= 1000
        prefix += 1
    gap = " " if unit else ""
    return f"{rounded:.4g}{gap}{_PREFIXES[prefix]}{unit}"


def short_cost(name: str, value: float) -> str:
    """A cost, three significant digits: 87.1M, and 21.4 kB where the cost is bytes."""
    return short(value, "B" if name.endswith("_bytes") else "")


def percent(accuracy: float) -> str:
    """An accuracy in [0, 1] in percent with two decimals, without the sign."""
    return f"{100 * accuracy:.2f}"


def objective(name: str, value: float) -> str:
    """The value of an objective with its unit, exact where it is a cost."""
    return f"{percent(value)} %" if name == "accuracy" else exact(value)


def clock(seconds: float) -> str:
    """Time as 0:42, 12:05 or 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: 1 trial, 2 trials."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
