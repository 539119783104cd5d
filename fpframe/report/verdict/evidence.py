"""The scores that a verdict compared, for its picture."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fpframe.decision import StratumPaths, StratumScores, stratum_p_value
from fpframe.report.verdict.pictures import Strips
from fpframe.verification import Verdict, Yardstick


def strips_of(verdict: Verdict, yardstick: Yardstick) -> Strips:
    """Return the scores that a verdict compared: means over the views, or what a sequential test makes of them."""
    strata: Mapping[str, StratumScores] = yardstick.strata
    marks, score, interval = verdict.view_scores, verdict.score, verdict.interval
    label = "score: mean cosine with the victim over the views"
    if verdict.looks:
        marks = tuple(look.standardised for look in verdict.looks)
        strata = {name: _highest(paths, yardstick) for name, paths in yardstick.paths.items()}
        score, interval, label = max(marks), (math.nan, math.nan), "highest standardised score"
    return Strips(
        strata=strata,
        score=score,
        interval=interval,
        marks=marks,
        bars=_bars(strata, verdict),
        label=label,
    )


def _highest(paths: StratumPaths, yardstick: Yardstick) -> StratumScores:
    heights = yardstick.standardised(paths.views).max(axis=1)
    return StratumScores(scores=tuple(heights.tolist()), families=paths.families)


def _bars(strata: Mapping[str, StratumScores], verdict: Verdict) -> dict[str, float | None]:
    """Return, by stratum, the calibration score that a suspect has to exceed to stand out."""
    if verdict.test.startswith("welch"):  # its threshold depends on the spread of the suspect's own views
        return dict.fromkeys(strata)
    return {name: _bar(stratum, verdict) for name, stratum in strata.items()}


def _bar(stratum: StratumScores, verdict: Verdict) -> float | None:
    for score in sorted(set(stratum.scores)):
        above = stratum_p_value(math.nextafter(score, math.inf), stratum)
        if above.passes(verdict.alpha, certify=verdict.certify):
            return score
    return None
