"""Welch's t-test over views: what the literature does, and why fpframe does not. For comparison only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from scipy.stats import t

from fpframe.decision.outcome import DERIVED, NOT_SHOWN, Decision, hindrance, interval_over_views, undecided
from fpframe.decision.paths import StratumPaths, mean_of_views
from fpframe.decision.pvalues import stratum_p_value


def welch_p_value(view_scores: Sequence[float], stratum: StratumPaths) -> float:
    """Return the p-value of a one-sided t-test with unequal variances (Welch, Biometrika, 1947).

    The suspect's views are compared with all views of all calibration models as if each were a sample of its own. But
    the views of one model rise and fall together, so the p-value is far too small: see `variance_shares`.

    It is 1 where there is nothing to test with: a single view, no spread at all, or a score that is not finite.
    """
    own, others = np.asarray(view_scores, dtype=np.float64), stratum.views.ravel()
    if min(own.size, others.size) < 2 or not (np.isfinite(own).all() and np.isfinite(others).all()):
        return 1.0
    difference = float(own.mean() - others.mean())
    squares = [float(sample.var(ddof=1)) / sample.size for sample in (own, others)]
    error = math.sqrt(sum(squares))
    # equal scores may differ from their mean in the last digit
    if error <= 1e-12 * max(float(np.abs(own).max()), float(np.abs(others).max())):
        return 1.0
    freedom = sum(squares) ** 2 / (squares[0] ** 2 / (own.size - 1) + squares[1] ** 2 / (others.size - 1))
    return float(t.sf(difference / error, freedom))


def decide_by_welch(
    view_scores: Sequence[float], strata: Mapping[str, StratumPaths], *, alpha: float, behaviour: str = ""
) -> Decision:
    """Call a suspect derived where Welch's p-value is at most alpha in every stratum; it keeps no promise.

    Args:
        view_scores: one score per view.
        strata: view scores of the calibration models, by stratum.
        alpha: the level.
        behaviour: what the suspect did that prevents a verdict; empty when it answered properly.

    Raises:
        ValueError: there are no strata.
    """
    scores = {name: paths.scores() for name, paths in sorted(strata.items())}
    reason = hindrance(view_scores, {name: paths.finite for name, paths in strata.items()}, behaviour)
    if reason:
        return undecided(reason, scores, alpha=alpha, views=len(view_scores), test="welch")
    score = mean_of_views(view_scores)
    results = {
        name: attrs.evolve(
            stratum_p_value(score, stratum),
            p=welch_p_value(view_scores, strata[name]),
            p_models=math.nan,
            p_families=math.nan,
            bound=math.nan,
        )
        for name, stratum in scores.items()
    }
    p_value = max(result.p for result in results.values())
    return Decision(
        verdict=DERIVED if p_value <= alpha else NOT_SHOWN,
        score=score,
        interval=interval_over_views(view_scores),
        p_value=p_value,
        strata=results,
        alpha=alpha,
        test="welch",
        views=len(view_scores),
    )
