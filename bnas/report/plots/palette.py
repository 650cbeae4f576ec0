"""Colours of all pictures: those of Okabe and Ito, which colour-blind readers can tell apart."""

from typing import Final

FRONT: Final = "#0072B2"
CANDIDATE: Final = "#D55E00"
BOUND: Final = "#009E73"
OTHER: Final = "#A3A9B1"
INK: Final = "#1F2328"
QUIET: Final = "#656D76"
GRID: Final = "#E6E8EB"
