"""The picture of a verdict's page as SVG text that is the same, byte for byte, for the same data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.etree import ElementTree

import attrs
from markupsafe import Markup

from fpframe.decision import StratumScores
from fpframe.report.strips import RADIUS, Scale, element, line, line_across, percent, swarm, text

# pixels
_ROW, _LABEL, _TOP, _AXIS = 62, 15, 19, 44


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
    scale = Scale.over(_values(strips))
    bottom = _ROW * (len(strips.strata) + 1)
    attributes = {"class": "strips", "role": "img", "aria-label": _words(strips)}
    svg = element(None, "svg", width="100%", height=str(bottom + _AXIS), **attributes)
    low, high = strips.interval
    if math.isfinite(low) and math.isfinite(high):
        left, right = scale.percent(low), scale.percent(high)
        place = {"x": percent(left), "y": str(_TOP), "width": percent(right - left), "height": str(bottom - _TOP)}
        element(svg, "rect", **place, **{"class": "band"})
    line(svg, scale(strips.score), _TOP, bottom, "score")
    text(svg, "0%", _LABEL - 4, f"this suspect: {strips.score:.3f}", "name")
    for mark in strips.marks:
        line(svg, scale(mark), _ROW // 2 + 2, _ROW // 2 + 16, "mark")
    for row, (name, stratum) in enumerate(strips.strata.items(), start=1):
        _row(svg, row * _ROW, name, stratum, strips, scale)
    line_across(svg, bottom)
    for tick in scale.ticks:
        line(svg, scale(tick), bottom, bottom + 5, "axis")
        text(svg, scale(tick), bottom + 20, scale.format(tick), "tick", anchor="middle")
    text(svg, "50%", bottom + 39, strips.label, "axis-label", anchor="middle")
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def _row(svg: ElementTree.Element, top: int, name: str, stratum: StratumScores, strips: Strips, scale: Scale) -> None:
    scores = sorted(stratum.scores)
    high = sum(value >= strips.score for value in scores)
    line_across(svg, top)
    label = text(svg, "0%", top + _LABEL, name, "name")
    element(label, "tspan", dx="10", **{"class": "count"}).text = f"{high} of {len(stratum.scores)} at least as high"
    middle = top + _LABEL + (_ROW - _LABEL) / 2
    bar = strips.bars[name]
    if bar is not None:
        line(svg, scale(bar), middle - 19, middle + 19, "bar")
    for value, offset in zip(scores, swarm([scale.percent(value) for value in scores]), strict=True):
        kind = "dot" if value < strips.score else "dot high"
        element(svg, "circle", cx=scale(value), cy=f"{middle + offset:g}", r=str(RADIUS), **{"class": kind})


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
