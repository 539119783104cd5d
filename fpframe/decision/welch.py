"""Welch's t-test over views: what the literature does, and why fpframe does not. For comparison only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import attrs
import numpy as np
from scipy.stats import t

from fpframe.base import Note
from fpframe.decision.outcome import DERIVED, NOT_SHOWN, Decision, hindrance, interval_over_views, undecided
from fpframe.decision.paths import StratumPaths, mean_of_views
from fpframe.decision.pvalues import reaches, stratum_p_value


def welch_p_value(view_scores: Sequence[float], stratum: StratumPaths) -> float:
    """Return the p-value of a one-sided t-test with unequal variances (Welch, Biometrika, 1947).

    The suspect's views are compared with all views of all calibration models as if each were a sample of its own. But
    the views of one model rise and fall together, so the p-value is far too small: see `variance_shares`.

    It is 1 where there is nothing to test with: a single view, no spread at all, or a score that is not finite.
    """
    return float(welch_p_values(np.asarray(view_scores, dtype=np.float64).reshape(1, -1), stratum)[0])


def welch_p_values(views: np.ndarray, stratum: StratumPaths) -> np.ndarray:
    """Return the p-values ``(S,)`` of many suspects by their view scores ``(S, V)``: those of `welch_p_value`."""
    others = stratum.views.ravel()
    p_values: np.ndarray = np.ones(len(views))
    usable = np.isfinite(views).all(axis=1)
    if views.shape[1] < 2 or others.size < 2 or not np.isfinite(others).all() or not usable.any():
        return p_values
    own = views[usable]
    squares = own.var(axis=1, ddof=1) / own.shape[1], float(others.var(ddof=1)) / others.size
    error = np.sqrt(squares[0] + squares[1])
    # equal scores may differ from their mean in the last digit
    telling = error > 1e-12 * np.maximum(np.abs(own).max(axis=1), float(np.abs(others).max()))
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = error**4 / (squares[0] ** 2 / (own.shape[1] - 1) + squares[1] ** 2 / (others.size - 1))
        found = t.sf((own.mean(axis=1) - others.mean()) / error, freedom)
    p_values[usable] = np.where(telling, found, 1.0)
    return p_values


def decide_by_welch(
    view_scores: Sequence[float],
    strata: Mapping[str, StratumPaths],
    *,
    alpha: float,
    behaviour: Note | None = None,
    test: Literal["welch", "welch-by-stratum"] = "welch",
) -> Decision:
    """Call a suspect derived where Welch's p-value is at most alpha in every stratum; it keeps no promise.

    Args:
        view_scores: one score per view.
        strata: view scores of the calibration models, by stratum.
        alpha: the level.
        behaviour: what the suspect did that prevents a verdict; ``None`` when it answered properly.
        test: what the decision calls it: whether the strata are one sample, or as they were calibrated.

    Raises:
        ValueError: there are no strata.
    """
    scores = {name: paths.scores() for name, paths in sorted(strata.items())}
    reason = hindrance(view_scores, {name: paths.finite for name, paths in strata.items()}, behaviour)
    if reason is not None:
        return undecided(reason, scores, alpha=alpha, views=len(view_scores), test=test)
    score = mean_of_views(view_scores)
    results = {
        name: attrs.evolve(
            stratum_p_value(score, stratum),
            p=welch_p_value(view_scores, strata[name]),
            p_models=math.nan,
            p_families=math.nan,
            bound=math.nan,
            floor=math.nan,
        )
        for name, stratum in scores.items()
    }
    p_value = max(result.p for result in results.values())
    return Decision(
        verdict=DERIVED if reaches(p_value, alpha) else NOT_SHOWN,
        score=score,
        interval=interval_over_views(view_scores),
        p_value=p_value,
        strata=results,
        alpha=alpha,
        test=test,
        views=len(view_scores),
    )
