"""Pictures as SVG text that is the same, byte for byte, for the same data."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fpframe.evaluation import Evaluation, HeldOut

#: Colour-blind safe (Okabe and Ito): derived, independent, extracted from another teacher, victim.
COLOURS = {"derived": "#D55E00", "independent": "#0072B2", "other-teacher": "#56B4E9", "victim": "#000000"}
#: For lines of equal standing, from the same palette.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LABELS = {
    "derived": "derived from the victim",
    "independent": "independent, without a teacher",
    "other-teacher": "independent, of another teacher",
    "victim": "the victim",
}


def similarity_svg(evaluation: Evaluation) -> str:
    """Draw the score of each held-out model, by kind, with its interval and the highest calibration score."""
    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    kinds = [kind for kind in ("derived", "independent", "other-teacher") if _members(evaluation, kind)]
    for row, kind in enumerate(reversed(kinds)):
        members = _members(evaluation, kind)
        offsets = np.linspace(-0.25, 0.25, len(members)) if len(members) > 1 else np.zeros(1)
        scores = np.array([member.verdict.score for member in members])
        low, high = np.array([member.verdict.interval for member in members]).T
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
    axes.spines[["top", "right"]].set_visible(False)
    return svg_text(figure)


def strata_svg(evaluation: Evaluation) -> str:
    """Draw the scores of the calibration models by stratum, and of the held-out models under them."""
    strata = evaluation.yardstick.strata
    figure = Figure(figsize=(7.6, 0.55 * len(strata) + 1.8), layout="constrained")
    axes = figure.add_subplot()
    for row, (name, stratum) in enumerate(sorted(strata.items(), reverse=True)):
        held = [item for item in _members(evaluation, "independent", "other-teacher") if item.model.stratum == name]
        _dots(axes, stratum.scores, row + 0.14, COLOURS["independent"])
        _dots(axes, [item.verdict.score for item in held], row - 0.14, COLOURS["other-teacher"])
    thefts = [item.verdict.score for item in _members(evaluation, "derived")]
    _dots(axes, thefts, len(strata), COLOURS["derived"])
    rows = [f"{name} (n = {len(scores.scores)})" for name, scores in sorted(strata.items(), reverse=True)]
    axes.set_yticks(range(len(rows) + 1), [*rows, f"thefts (n = {len(thefts)})"])
    axes.set_xlabel("similarity to the victim (dark blue: calibration models, light blue: held-out ones)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{evaluation.enrolment.scheme}, channel {evaluation.channel}: scores by stratum", fontsize=10)
    return svg_text(figure)


def _dots(axes: Axes, scores: Sequence[float], height: float, colour: str) -> None:
    axes.plot(scores, np.full(len(scores), height), "o", markersize=4.5, alpha=0.7, color=colour, markeredgewidth=0)


def kind_of_suspect(suspect: HeldOut) -> str:
    """Return which colour a held-out model is drawn in."""
    if suspect.model.relation == "derived":
        return "derived"
    return "other-teacher" if suspect.model.stratum == "other-teacher" else "independent"


def _members(evaluation: Evaluation, *kinds: str) -> list[HeldOut]:
    return sorted(
        (
            suspect
            for suspect in evaluation.suspects
            if kind_of_suspect(suspect) in kinds and np.isfinite(suspect.verdict.score)
        ),
        key=lambda suspect: suspect.verdict.score,
    )


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG text that is the same, byte for byte, for the same figure."""
    # without a salt and with a date, equal pictures would differ; text stays text, so that it can be searched
    settings: Any = {"svg.hashsalt": "fpframe", "svg.fonttype": "none"}
    with mpl.rc_context(settings):
        content = io.StringIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()
