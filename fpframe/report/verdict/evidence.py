"""What a verdict counted: the scores that it compared, and what a sequential one knew after each view."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np

from fpframe.decision import StratumPaths, StratumScores, stratum_p_value
from fpframe.report.verdict.pictures import Strips
from fpframe.verification import Verdict, Yardstick


@attrs.frozen(kw_only=True)
class Look:
    """What a sequential verdict knew after one view.

    Attributes:
        number: views asked so far.
        mean: mean score of these.
        standardised: the mean, in standard deviations from that of independent models.
        highest: the highest standardised mean so far.
        weight: the largest p-value over the strata, or the largest bound where the verdict certifies.
        stopped: why it stopped here; empty where it did not.
    """

    number: int
    mean: float
    standardised: float
    highest: float
    weight: float
    stopped: str


def looks_of(verdict: Verdict, yardstick: Yardstick) -> tuple[Look, ...]:
    """Return the looks of a sequential verdict."""
    decision = verdict.decision
    standardised = _standardised(verdict, yardstick)
    looks = []
    for number in range(1, decision.views + 1):
        then = yardstick.decide(
            verdict.view_scores[:number], alpha=decision.alpha, test="sequential", certify=decision.certify
        )
        looks.append(
            Look(
                number=number,
                mean=then.score,
                standardised=standardised[number - 1],
                highest=max(standardised[:number]),
                weight=max(result.bound if decision.certify else result.p for result in then.strata.values()),
                stopped=then.stopped,
            )
        )
    return tuple(looks)


def strips_of(verdict: Verdict, yardstick: Yardstick) -> Strips:
    """Return the scores that a verdict compared: means over the views, or what a sequential test makes of them."""
    decision = verdict.decision
    strata: Mapping[str, StratumScores] = yardstick.strata
    marks, score, interval = verdict.view_scores, decision.score, decision.interval
    label = "score: mean cosine with the victim over the views"
    if decision.test == "sequential":
        marks = _standardised(verdict, yardstick)
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


def _standardised(verdict: Verdict, yardstick: Yardstick) -> tuple[float, ...]:
    """Return the standardised mean after each look that a sequential verdict took."""
    views = np.array([verdict.view_scores[: verdict.decision.views]], dtype=np.float64)
    return tuple(yardstick.standardised(views)[0].tolist())


def _highest(paths: StratumPaths, yardstick: Yardstick) -> StratumScores:
    heights = yardstick.standardised(paths.views).max(axis=1)
    return StratumScores(scores=tuple(heights.tolist()), families=paths.families)


def _bars(strata: Mapping[str, StratumScores], verdict: Verdict) -> dict[str, float | None]:
    """Return, by stratum, the calibration score that a suspect has to exceed to stand out."""
    if verdict.decision.test == "welch":  # its threshold depends on the spread of the suspect's own views
        return dict.fromkeys(strata)
    return {name: _bar(stratum, verdict) for name, stratum in strata.items()}


def _bar(stratum: StratumScores, verdict: Verdict) -> float | None:
    for score in sorted(set(stratum.scores)):
        above = stratum_p_value(math.nextafter(score, math.inf), stratum)
        if above.passes(verdict.decision.alpha, certify=verdict.decision.certify):
            return score
    return None
