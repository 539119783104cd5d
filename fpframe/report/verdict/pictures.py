"""The picture of a verdict's page as SVG text that is the same, byte for byte, for the same data.

It is written without a plotting library, for three reasons: horizontal places are percentages, so that text keeps
its size on a phone; colours are the page's classes, so that they follow its dark and its print style; and there are no
ids, which could clash between pictures of one page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from xml.etree import ElementTree

import attrs
import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from fpframe.decision import StratumScores

# pixels
_ROW, _LABEL, _TOP, _AXIS = 62, 15, 19, 44
_RADIUS, _STEP, _MOST = 3.5, 5.0, 15.0
#: Where dots are kept apart: on a narrower page they move together a little.
_NOMINAL_WIDTH = 680.0


@attrs.frozen(kw_only=True)
class Strips:
    """What a strip plot shows.

    Attributes:
        strata: calibration scores, by stratum; all are finite, or there would be no verdict to draw.
        score: the suspect's.
        interval: band around it; NaN where there is none.
        marks: parts of the suspect's score, one per view or look.
        bars: by stratum, the score that has to be exceeded; ``None`` where none is known.
        label: what the horizontal axis is.
    """

    strata: Mapping[str, StratumScores]
    score: float
    interval: tuple[float, float]
    marks: tuple[float, ...]
    bars: Mapping[str, float | None]
    label: str


def strips_svg(strips: Strips) -> Markup:
    """Draw one row of dots for each stratum, a dot for each calibration model, under the suspect's own row.

    Models that score at least as high as the suspect are rings, the others are discs.
    """
    scale = _Scale.over(_values(strips))
    bottom = _ROW * (len(strips.strata) + 1)
    attributes = {"class": "strips", "role": "img", "aria-label": _words(strips)}
    svg = _element(None, "svg", width="100%", height=str(bottom + _AXIS), **attributes)
    low, high = strips.interval
    if math.isfinite(low) and math.isfinite(high):
        left, right = scale.percent(low), scale.percent(high)
        place = {"x": _percent(left), "y": str(_TOP), "width": _percent(right - left), "height": str(bottom - _TOP)}
        _element(svg, "rect", **place, **{"class": "band"})
    _line(svg, scale(strips.score), _TOP, bottom, "score")
    _text(svg, "0%", _LABEL - 4, f"this suspect: {strips.score:.3f}", "name")
    for mark in strips.marks:
        _line(svg, scale(mark), _ROW // 2 + 2, _ROW // 2 + 16, "mark")
    for row, (name, stratum) in enumerate(strips.strata.items(), start=1):
        _row(svg, row * _ROW, name, stratum, strips, scale)
    _line_across(svg, bottom)
    for tick in scale.ticks:
        _line(svg, scale(tick), bottom, bottom + 5, "axis")
        _text(svg, scale(tick), bottom + 20, scale.format(tick), "tick", anchor="middle")
    _text(svg, "50%", bottom + 39, strips.label, "axis-label", anchor="middle")
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


@attrs.frozen
class _Scale:
    """From scores to percentages of the width."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Sequence[float]) -> _Scale:
        low, high = min(values), max(values)
        pad = (high - low) * 0.04 or 0.05
        ticks = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low - pad, high + pad)
        return cls(low - pad, high + pad, tuple(float(tick) for tick in ticks if low - pad <= tick <= high + pad))

    def percent(self, value: float) -> float:
        return 2 + 96 * (value - self.low) / (self.high - self.low)

    def __call__(self, value: float) -> str:
        return _percent(self.percent(value))

    def format(self, tick: float) -> str:
        step = min((b - a for a, b in pairwise(self.ticks)), default=1.0)
        return f"{tick + 0.0:.{max(0, math.ceil(-math.log10(step) - 1e-9))}f}".replace("-", "\N{MINUS SIGN}")


def _row(svg: ElementTree.Element, top: int, name: str, stratum: StratumScores, strips: Strips, scale: _Scale) -> None:
    scores = sorted(stratum.scores)
    high = sum(value >= strips.score for value in scores)
    _line_across(svg, top)
    label = _text(svg, "0%", top + _LABEL, name, "name")
    _element(label, "tspan", dx="10", **{"class": "count"}).text = f"{high} of {len(stratum.scores)} at least as high"
    middle = top + _LABEL + (_ROW - _LABEL) / 2
    bar = strips.bars[name]
    if bar is not None:
        _line(svg, scale(bar), middle - 19, middle + 19, "bar")
    for value, offset in zip(scores, _swarm([scale.percent(value) for value in scores]), strict=True):
        kind = "dot" if value < strips.score else "dot high"
        _element(svg, "circle", cx=scale(value), cy=f"{middle + offset:g}", r=str(_RADIUS), **{"class": kind})


def _swarm(percents: Sequence[float]) -> Iterator[float]:
    """Yield a vertical offset in pixels for each of the sorted places, so that few dots lie on each other."""
    offsets = sorted(np.arange(-_MOST, _MOST + 1, _STEP).tolist(), key=lambda offset: (abs(offset), -offset))
    placed: list[tuple[float, float]] = []
    for number, percent in enumerate(percents):
        x = percent / 100 * _NOMINAL_WIDTH
        near = [(other, y) for other, y in placed[-40:] if x - other < 2 * _RADIUS]
        free = [y for y in offsets if all(math.hypot(x - other, y - seen) >= 2 * _RADIUS for other, seen in near)]
        offset = free[0] if free else offsets[number % len(offsets)]
        placed.append((x, offset))
        yield offset


def _values(strips: Strips) -> list[float]:
    own = [value for value in (strips.score, *strips.interval, *strips.marks) if math.isfinite(value)]
    return own + [score for stratum in strips.strata.values() for score in stratum.scores]


def _words(strips: Strips) -> str:
    """Say what the picture shows, for those who cannot see it."""
    rows = [
        f"{name}: {sum(value >= strips.score for value in stratum.scores)} of {len(stratum.scores)} calibration "
        f"models score at least as high, the highest {max(stratum.scores):.3f}"
        for name, stratum in strips.strata.items()
    ]
    return f"Strip plot. The suspect scores {strips.score:.3f}. " + "; ".join(rows) + "."


def _element(parent: ElementTree.Element | None, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.Element(tag, attributes) if parent is None else ElementTree.SubElement(parent, tag, attributes)


def _line(svg: ElementTree.Element, x: str, top: float, bottom: float, kind: str) -> None:
    _element(svg, "line", x1=x, x2=x, y1=f"{top:g}", y2=f"{bottom:g}", **{"class": kind})


def _line_across(svg: ElementTree.Element, y: int) -> None:
    _element(svg, "line", x1="0%", x2="100%", y1=str(y), y2=str(y), **{"class": "axis"})


def _text(
    svg: ElementTree.Element, x: str, y: int, text: str, kind: str, *, anchor: str = "start"
) -> ElementTree.Element:
    element = _element(svg, "text", x=x, y=str(y), **{"class": kind, "text-anchor": anchor})
    element.text = text
    return element


def _percent(value: float) -> str:
    return f"{value:.2f}%"
