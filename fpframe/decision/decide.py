"""The decision: derived only if every stratum says so, and inconclusive where the answers do not carry one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from fpframe.decision.pvalues import StratumResult, StratumScores, stratum_p_value
from fpframe.errors import UsageError
from fpframe.rng import derive_seed

DERIVED, NOT_SHOWN, INCONCLUSIVE = "DERIVED", "NOT_SHOWN", "INCONCLUSIVE"

#: Resamples of the views for the interval around a score.
RESAMPLES = 1000


@attrs.frozen(kw_only=True)
class Decision:
    """What the scores of a suspect come to.

    Attributes:
        verdict: ``DERIVED``, ``NOT_SHOWN`` or ``INCONCLUSIVE``.
        score: mean over the views; NaN when an answer was not finite.
        interval: bootstrap interval of the score over the views (2.5 % to 97.5 %).
        p_value: the largest p-value of all strata; NaN when there is no score.
        strata: what each stratum says.
        alpha: the level that this suspect was held to.
        reason: why it is inconclusive; empty otherwise.
    """

    verdict: str
    score: float
    interval: tuple[float, float]
    p_value: float
    strata: dict[str, StratumResult]
    alpha: float
    reason: str = ""


def require_alpha(alpha: float, strata: Mapping[str, StratumScores], *, suspects: int = 1) -> None:
    """Refuse an alpha that no suspect could meet, before anything is asked.

    Raises:
        UsageError: names how many calibration models are needed.
    """
    if not strata:
        raise UsageError("the enrolment has no calibration models; enrol with a recipe that has some")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1) (got {alpha})")
    share = alpha / suspects
    name, weakest = max(strata.items(), key=lambda item: item[1].floor)
    # the small slack is for alphas such as 0.1 that binary fractions cannot hold
    if weakest.floor > share * (1 + 1e-9):
        needed = math.ceil(1 / share - 1e-9) - 1
        shared = f" shared by {suspects} suspects" if suspects > 1 else ""
        advice = (
            ", or name only the one that you mean to accuse"
            if suspects > 1 and weakest.floor <= alpha * (1 + 1e-9)
            else ""
        )
        raise UsageError(
            f"alpha {alpha:g}{shared} cannot be reached: stratum '{name}' has {weakest.units} independent "
            f"calibration models, which allows p-values down to {weakest.floor:.3g}; {needed} are needed in every "
            f"stratum: enrol with a larger recipe, or raise --alpha{advice}"
        )


def holm_thresholds(p_values: Sequence[float], alpha: float) -> list[float]:
    """Return the level that each of several suspects is held to, so that one false accusation has at most chance alpha.

    Holm's step-down: the smallest p-value is held to alpha/m, the next to alpha/(m-1), and so on until one fails; those
    after it are held to the level at which it failed. A p-value that is NaN comes last.
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda i: math.inf if math.isnan(p_values[i]) else p_values[i])
    levels, failed = [0.0] * count, None
    for rank, index in enumerate(order):
        level = alpha / (count - rank) if failed is None else failed
        levels[index] = level
        if failed is None and not p_values[index] <= level * (1 + 1e-9):
            failed = level
    return levels


def decide(
    view_scores: Sequence[float], strata: Mapping[str, StratumScores], *, alpha: float, behaviour: str = ""
) -> Decision:
    """Turn the scores of a suspect's views into a verdict.

    Args:
        view_scores: one score per view.
        strata: calibration scores by stratum.
        alpha: the level.
        behaviour: what the suspect did that prevents a verdict (answers that are not finite, always the same); empty
            when it answered properly.

    Raises:
        ValueError: there are no strata, so that nothing could speak against the suspect being derived.
    """
    if not strata:
        raise ValueError("a decision needs at least one stratum")
    finite = len(view_scores) > 0 and bool(np.isfinite(view_scores).all())
    score = float(np.mean(view_scores)) if finite else math.nan
    results = {name: stratum_p_value(score, stratum) for name, stratum in sorted(strata.items())}
    p_value = max(result.p for result in results.values())
    if behaviour or not finite:
        return Decision(
            verdict=INCONCLUSIVE,
            score=math.nan,
            interval=(math.nan, math.nan),
            p_value=math.nan,
            strata={
                name: attrs.evolve(result, p=math.nan, at_least=0, margin=math.nan) for name, result in results.items()
            },
            alpha=alpha,
            reason=behaviour or "the score is not finite",
        )
    low, high = interval = _interval(view_scores)
    verdicts = {_passes(value, strata, alpha) for value in (low, score, high)}
    if len(verdicts) > 1:
        verdict = INCONCLUSIVE
        reason = (
            f"the views disagree: over them the score lies in {low:.3f} to {high:.3f}, on both sides of the threshold"
        )
    else:
        verdict, reason = (DERIVED if verdicts == {True} else NOT_SHOWN), ""
    return Decision(
        verdict=verdict,
        score=score,
        interval=interval,
        p_value=p_value,
        strata=results,
        alpha=alpha,
        reason=reason,
    )


def _passes(score: float, strata: Mapping[str, StratumScores], alpha: float) -> bool:
    return all(stratum_p_value(score, stratum).p <= alpha * (1 + 1e-9) for stratum in strata.values())


def _interval(view_scores: Sequence[float]) -> tuple[float, float]:
    """Bootstrap the mean over views: it tells how much a verdict hangs on the choice of points."""
    values = np.asarray(view_scores, dtype=np.float64)
    source = np.random.default_rng(derive_seed(0, "bootstrap over views", len(values)))
    means = values[source.integers(0, len(values), (RESAMPLES, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
