"""What pictures of dots in rows are made of, as SVG text that is the same, byte for byte, for the same data.

They are written without a plotting library, for three reasons: horizontal places are percentages, so that text keeps
its size on a phone; colours are the page's classes, so that they follow its dark and its print style; and there are no
ids, which could clash between pictures of one page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.etree import ElementTree

import attrs
import numpy as np
from matplotlib.ticker import MaxNLocator

#: Radius of a dot in pixels.
RADIUS = 3.5
# pixels
_STEP, _MOST = 5.0, 15.0
#: Where dots are kept apart: on a narrower page they move together a little.
_NOMINAL_WIDTH = 680.0


@attrs.frozen
class Scale:
    """From scores to percentages of the width.

    Attributes:
        low: the score at the left.
        high: the score at the right.
        ticks: scores that are written below.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Sequence[float]) -> Scale:
        """Return the scale on which all of some values are seen."""
        low, high = min(values), max(values)
        pad = (high - low) * 0.04 or 0.05
        ticks = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low - pad, high + pad)
        return cls(low - pad, high + pad, tuple(float(tick) for tick in ticks if low - pad <= tick <= high + pad))

    def percent(self, value: float) -> float:
        """Return the place of a score in percent of the width."""
        return 2 + 96 * (value - self.low) / (self.high - self.low)

    def __call__(self, value: float) -> str:
        """Return the place of a score as SVG has it."""
        return percent(self.percent(value))

    def format(self, tick: float) -> str:
        """Return what is written below a tick."""
        step = min((b - a for a, b in pairwise(self.ticks)), default=1.0)
        return f"{tick + 0.0:.{max(0, math.ceil(-math.log10(step) - 1e-9))}f}".replace("-", "\N{MINUS SIGN}")


def swarm(percents: Sequence[float]) -> Iterator[float]:
    """Yield a vertical offset in pixels for each of the sorted places, so that few dots lie on each other."""
    offsets = sorted(np.arange(-_MOST, _MOST + 1, _STEP).tolist(), key=lambda offset: (abs(offset), -offset))
    placed: list[tuple[float, float]] = []
    for number, place in enumerate(percents):
        x = place / 100 * _NOMINAL_WIDTH
        near = [(other, y) for other, y in placed[-40:] if x - other < 2 * RADIUS]
        free = [y for y in offsets if all(math.hypot(x - other, y - seen) >= 2 * RADIUS for other, seen in near)]
        offset = free[0] if free else offsets[number % len(offsets)]
        placed.append((x, offset))
        yield offset


def element(parent: ElementTree.Element | None, tag: str, **attributes: str) -> ElementTree.Element:
    """Return a new element, in another one where there is one."""
    return ElementTree.Element(tag, attributes) if parent is None else ElementTree.SubElement(parent, tag, attributes)


def line(svg: ElementTree.Element, x: str, top: float, bottom: float, kind: str) -> None:
    """Draw an upright line."""
    element(svg, "line", x1=x, x2=x, y1=f"{top:g}", y2=f"{bottom:g}", **{"class": kind})


def line_across(svg: ElementTree.Element, y: int) -> None:
    """Draw a line from the left to the right."""
    element(svg, "line", x1="0%", x2="100%", y1=str(y), y2=str(y), **{"class": "axis"})


def text(
    svg: ElementTree.Element, x: str, y: int, words: str, kind: str, *, anchor: str = "start"
) -> ElementTree.Element:
    """Write words, and return the element that holds them."""
    written = element(svg, "text", x=x, y=str(y), **{"class": kind, "text-anchor": anchor})
    written.text = words
    return written


def percent(value: float) -> str:
    """Return a percentage as SVG has it."""
    return f"{value:.2f}%"
