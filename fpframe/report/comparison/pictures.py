"""Pictures of comparisons: ROC by kind of theft, scores, and what further queries bring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from fpframe.comparison import ALL_THEFTS, Comparison, thefts_of
from fpframe.decision import auc, roc
from fpframe.report.drawing import COLOURS, PALETTE, open_axes, svg_text

_GRID = np.linspace(0, 1, 201)
#: What tells lines apart beyond the colours: their dashes and marks.
_STYLES = (("-", "o"), ("--", "s"), (":", "^"))


def roc_by_theft_svg(comparison: Comparison, channel: str) -> str:
    """Draw one ROC for each kind of theft against all independent models; curves are means over the seeds and zoos."""
    thefts = thefts_of(comparison)
    columns = min(3, len(thefts))
    rows = -(-len(thefts) // columns)
    figure = Figure(figsize=(3.1 * columns, 3.1 * rows + 0.9), layout="constrained")
    zoos, innocents = comparison.by_zoo(), comparison.rows("independent")
    for number, theft in enumerate(thefts):
        axes = figure.add_subplot(rows, columns, number + 1)
        derived = comparison.rows("derived", None if theft == ALL_THEFTS else theft)
        for place, contender in enumerate(comparison.contenders):
            colour, dashes, _ = _line(place)
            axes.plot(
                *_mean_roc([side for zoo in zoos for side in _sides(zoo, contender, channel, theft)]),
                color=colour,
                linestyle=dashes,
                linewidth=1.5,
                label=contender if number == 0 else None,
            )
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
        axes.set_title(f"{theft}\n{len(derived)} against {len(innocents)}", fontsize=9)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("share of independent models above the threshold", fontsize=9)
    figure.supylabel("share of thefts above it", fontsize=9)
    # above: below it would lie on the common label of the axes
    figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    return svg_text(figure)


def scores_svg(comparison: Comparison, channel: str) -> str:
    """Draw the scores of every kind of theft and stratum, one panel for each contender; the first seed's and zoo's."""
    many, comparison = len(comparison.zoos) > 1, comparison.by_zoo()[0]
    thefts = [kind for kind in thefts_of(comparison) if kind != ALL_THEFTS]
    kinds = [("independent", kind) for kind in comparison.kinds("independent")]
    kinds += [("derived", kind) for kind in reversed(thefts)]
    names = comparison.contenders
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(2.6 * columns + 1.8, rows * (0.24 * len(kinds) + 0.9)), layout="constrained")
    shared: Axes | None = None
    for number, contender in enumerate(names):
        axes = figure.add_subplot(rows, columns, number + 1, sharey=shared)
        shared = shared or axes
        scores = comparison.scores(contender, channel)[0]
        for height, (relation, kind) in enumerate(kinds):
            values = scores[comparison.rows(relation, kind)]
            axes.plot(
                values,
                np.full(len(values), height),
                "|",
                markersize=9,
                markeredgewidth=1.2,
                alpha=0.75,
                color=COLOURS[relation],
            )
        axes.set_title(contender, fontsize=9)
        axes.set_yticks(range(len(kinds)), [kind for _, kind in kinds], fontsize=8)
        axes.tick_params("y", labelleft=number % columns == 0)
        axes.tick_params("x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("similarity to the victim", fontsize=9)
    first = f"first seed, zoo {comparison.zoos[0].seed}" if many else "first seed"
    figure.suptitle(f"scores in channel {channel}, {first} (orange: derived, blue: independent)", fontsize=10)
    return svg_text(figure)


def queries_svg(comparison: Comparison, channel: str) -> str:
    """Draw the AUC of all thefts over the queries asked: view by view, where a scheme has several."""
    figure, axes = open_axes(6.4, 4.2)
    zoos = comparison.by_zoo()
    for place, contender in enumerate(comparison.contenders):
        colour, dashes, mark = _line(place)
        outcomes = comparison.of(contender, channel)
        total = next(cost.queries for cost in comparison.costs if cost.contender == contender)
        views = outcomes[0].views.shape[1]
        asked = [total * (view + 1) / views for view in range(views)]
        found = [np.mean([_area_after(zoo, contender, channel, view + 1) for zoo in zoos]) for view in range(views)]
        axes.plot(asked, found, color=colour, linestyle=dashes, marker=mark, markersize=4, label=contender)
    axes.set_xscale("log")
    for formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        formatter(LogFormatter(minor_thresholds=(2, 1)))  # numbers, and not powers of ten
    axes.set_xlabel("queries to a suspect")
    axes.set_ylabel("AUC, all thefts against all independent models")
    axes.grid(color="#dddddd", linewidth=0.6)
    figure.suptitle(f"channel {channel}; single points are schemes with one view", fontsize=10)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return svg_text(figure)


def _area_after(comparison: Comparison, contender: str, channel: str, views: int) -> float:
    """Return the AUC of one zoo by the first views alone, as mean over the seeds."""
    derived, innocents = comparison.rows("derived"), comparison.rows("independent")
    seeds = [outcome.scores_after(views) for outcome in comparison.of(contender, channel)]
    return float(np.mean([auc(scores[derived], scores[innocents]) for scores in seeds]))


def _sides(comparison: Comparison, contender: str, channel: str, theft: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the scores of the thefts and of the independent models of one zoo, by seed, if it has both."""
    sides = comparison.rows("derived", None if theft == ALL_THEFTS else theft), comparison.rows("independent")
    scores = comparison.scores(contender, channel)
    return [(seed[sides[0]], seed[sides[1]]) for seed in scores] if all(sides) else []


def _mean_roc(sides: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over seeds and zoos of the share of positives at each share of negatives, from (0, 0)."""
    curves = []
    for above, below in sides:
        false, true = roc(above, below)
        # the upper end of each vertical step
        last = np.r_[np.diff(false) > 0, True]
        curves.append(np.interp(_GRID, false[last], true[last]))
    return np.r_[0.0, _GRID], np.r_[0.0, np.mean(curves, axis=0)]


def _line(place: int) -> tuple[str, str, str]:
    dashes, mark = _STYLES[place // len(PALETTE) % len(_STYLES)]
    return PALETTE[place % len(PALETTE)], dashes, mark
