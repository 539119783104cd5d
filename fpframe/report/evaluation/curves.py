"""Trade-offs over all thresholds, as SVG text: ROC and detection-error trade-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from fpframe.decision import roc
from fpframe.evaluation import Evaluation
from fpframe.report.drawing import PALETTE, open_axes, svg_text
from fpframe.report.evaluation.tables import labels

_SHARES = (0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)


def roc_svg(evaluations: Sequence[Evaluation]) -> str:
    """Draw the share of thefts above each threshold over that of independent models."""
    figure, axes = _figure(evaluations, "share of independent models above the threshold", "share of thefts above it")
    for number, (name, (false, true)) in enumerate(_rates(evaluations)):
        axes.plot(false, true, color=PALETTE[number % len(PALETTE)], linewidth=1.6, label=name)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


def det_svg(evaluations: Sequence[Evaluation]) -> str:
    """Draw missed thefts over accused independent models on normal deviates (Martin et al., 1997).

    Rates of 0 and 1 lie at infinity; they are drawn half a model away.
    """
    figure, axes = _figure(evaluations, "independent models above the threshold", "thefts below it")
    for number, (name, (false, true)) in enumerate(_rates(evaluations)):
        thefts, innocents = (len(_scores(evaluations[0], side)) or 1 for side in ("derived", "independent"))
        x = norm.ppf(np.clip(false, 0.5 / innocents, 1 - 0.5 / innocents))
        y = norm.ppf(np.clip(1 - true, 0.5 / thefts, 1 - 0.5 / thefts))
        axes.plot(x, y, color=PALETTE[number % len(PALETTE)], linewidth=1.6, label=name)
    ticks = [float(norm.ppf(share)) for share in _SHARES]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [f"{share:.0%}" for share in _SHARES])
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_aspect("equal")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


def _figure(evaluations: Sequence[Evaluation], x: str, y: str) -> tuple[Figure, Axes]:
    figure, axes = open_axes(4.6, 4.9)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    first = evaluations[0]
    thefts, innocents = len(_scores(first, "derived")), len(_scores(first, "independent"))
    figure.suptitle(f"held-out models: {thefts} thefts, {innocents} independent", fontsize=10)
    return figure, axes


def _rates(evaluations: Sequence[Evaluation]) -> list[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    return [
        (name, roc(_scores(evaluation, "derived"), _scores(evaluation, "independent")))
        for name, evaluation in zip(labels(evaluations), evaluations, strict=True)
        if _scores(evaluation, "derived") and _scores(evaluation, "independent")
    ]


def _scores(evaluation: Evaluation, relation: str) -> list[float]:
    _, members = evaluation.everything(relation)
    return [item.score for item in members if np.isfinite(item.score)]
