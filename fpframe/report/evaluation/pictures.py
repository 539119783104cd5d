"""Pictures of an evaluation: the scores of held-out models, and those of each stratum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from fpframe.decision import interval_over_views
from fpframe.evaluation import Evaluation, HeldOut
from fpframe.report.drawing import COLOURS, LABELS, drawn_as, open_axes, svg_text


def similarity_svg(evaluation: Evaluation) -> str:
    """Draw the score of each held-out model, by kind, with its interval and the highest calibration score."""
    figure, axes = open_axes(7.6, 3.6)
    kinds = [kind for kind in ("derived", "independent", "other-teacher") if _members(evaluation, kind)]
    for row, kind in enumerate(reversed(kinds)):
        members = _members(evaluation, kind)
        offsets = np.linspace(-0.25, 0.25, len(members)) if len(members) > 1 else np.zeros(1)
        scores = np.array([member.score for member in members])
        low, high = np.array([interval_over_views(member.view_scores) for member in members]).T
        axes.errorbar(
            scores,
            row + offsets,
            xerr=np.clip([scores - low, high - scores], 0, None),
            fmt="o",
            markersize=5,
            linewidth=1,
            color=COLOURS[kind],
        )
    highest = max(max(stratum.scores) for stratum in evaluation.yardstick.strata.values())
    axes.axvline(highest, color="#777777", linestyle="--", linewidth=1)
    axes.set_yticks(
        range(len(kinds)),
        [f"{LABELS[kind]}\n(n = {len(_members(evaluation, kind))})" for kind in reversed(kinds)],
    )
    axes.set_xlabel("similarity to the victim (bars: 95 % over views)")
    figure.suptitle(
        f"{evaluation.enrolment.scheme}: held-out suspects (dashed: highest calibration score)", fontsize=10
    )
    axes.set_ylim(-0.6, len(kinds) - 0.4)
    return svg_text(figure)


def strata_svg(evaluation: Evaluation) -> str:
    """Draw the scores of the calibration models by stratum, and of the held-out models under them."""
    strata = evaluation.yardstick.strata
    figure, axes = open_axes(7.6, 0.55 * len(strata) + 1.8)
    for row, (name, stratum) in enumerate(sorted(strata.items(), reverse=True)):
        held = [item for item in _members(evaluation, "independent", "other-teacher") if item.model.stratum == name]
        _dots(axes, stratum.scores, row + 0.14, COLOURS["independent"])
        _dots(axes, [item.score for item in held], row - 0.14, COLOURS["other-teacher"])
    thefts = [item.score for item in _members(evaluation, "derived")]
    _dots(axes, thefts, len(strata), COLOURS["derived"])
    rows = [f"{name} (n = {len(scores.scores)})" for name, scores in sorted(strata.items(), reverse=True)]
    axes.set_yticks(range(len(rows) + 1), [*rows, f"thefts (n = {len(thefts)})"])
    axes.set_xlabel("similarity to the victim (dark blue: calibration models, light blue: held-out ones)")
    figure.suptitle(f"{evaluation.enrolment.scheme}, channel {evaluation.channel}: scores by stratum", fontsize=10)
    return svg_text(figure)


def _dots(axes: Axes, scores: Sequence[float], height: float, colour: str) -> None:
    axes.plot(scores, np.full(len(scores), height), "o", markersize=4.5, alpha=0.7, color=colour, markeredgewidth=0)


def _members(evaluation: Evaluation, *kinds: str) -> list[HeldOut]:
    return sorted(
        (suspect for suspect in evaluation.suspects if drawn_as(suspect.model) in kinds and np.isfinite(suspect.score)),
        key=lambda suspect: suspect.score,
    )
