"""What grows with the share of training images that a model has in common with the victim, and what does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fpframe.paper.overlap.slope import Slope
from fpframe.report import COLOURS, PALETTE, svg_text

_XLABEL = "share of the victim's training images"


def draw_similarity(shares: Sequence[float], schemes: Mapping[str, tuple[np.ndarray, Slope, np.ndarray]]) -> str:
    """Draw similarity over overlap, one panel for each scheme.

    Args:
        shares: overlap of each model.
        schemes: by name, the similarity of these models, its slope, and the similarity of derived models.
    """
    figure = Figure(figsize=(4.2 * len(schemes), 3.9), layout="constrained")
    panels = figure.subplots(1, len(schemes), sharey=True, squeeze=False)[0]
    for panel, (scheme, (scores, slope, derived)) in zip(panels, schemes.items(), strict=True):
        low, middle, high = np.quantile(derived, (0.25, 0.5, 0.75))
        first = panel is panels[0]
        panel.axhspan(low, high, color=COLOURS["derived"], alpha=0.18, linewidth=0)
        panel.axhline(
            middle,
            color=COLOURS["derived"],
            linewidth=1.4,
            label=f"derived, held out (n = {len(derived)}): median and middle half" if first else None,
        )
        label = f"independent (n = {slope.n}), with line and 95 % band" if first else None
        _points(panel, shares, scores, slope, COLOURS["independent"], "o", label)
        panel.set_title(f"{scheme}: slope {slope.value:+.3f}", fontsize=10)
        panel.set_xlabel(_XLABEL)
        panel.set_ylim(-1.05, 1.05)  # cosines; the band knows no such bounds
    panels[0].set_ylabel("similarity to the victim")
    figure.legend(loc="outside lower center", ncols=1, fontsize=8, frameon=False)
    return svg_text(figure)


def draw_facts(shares: Sequence[float], facts: Mapping[str, tuple[Sequence[float], Slope]]) -> str:
    """Draw what is known of the models themselves over overlap: by name, the values and their slope."""
    figure = Figure(figsize=(5.4, 3.9), layout="constrained")
    axes = figure.add_subplot()
    for colour, marker, (name, (values, slope)) in zip(PALETTE[2:], "o^s", facts.items(), strict=False):
        label = f"{name} (n = {slope.n}): slope {slope.value:+.3f}"
        _points(axes, shares, values, slope, colour, marker, label)
    axes.set(xlabel=_XLABEL, ylabel="share of the test images")
    figure.legend(loc="outside lower center", ncols=1, fontsize=8, frameon=False)
    return svg_text(figure)


def _points(
    axes: Axes,
    shares: Sequence[float],
    values: Sequence[float] | np.ndarray,
    slope: Slope,
    colour: str,
    marker: str,
    label: str | None,
) -> None:
    at = np.linspace(min(shares), max(shares), 50)
    line, low, high = slope.band(at)
    axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(at, line, color=colour, linewidth=1.4)
    axes.plot(
        shares, values, marker, color=colour, markersize=5, alpha=0.8, markeredgewidth=0, linestyle="", label=label
    )
    axes.spines[["top", "right"]].set_visible(False)
