"""Levels: which can be reached at all, and how several suspects share one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fpframe.decision.pvalues import CONFIDENCE, StratumScores, needed_models, reaches, upper_bound
from fpframe.errors import UsageError

#: The highest level that there is: one innocent in ten.
HIGHEST_ALPHA = 0.1


def require_alpha(
    alpha: float, strata: Mapping[str, StratumScores], *, suspects: int = 1, certify: bool = False
) -> None:
    """Refuse an alpha that no suspect could meet, before anything is asked.

    Args:
        alpha: the level.
        strata: calibration scores by stratum.
        suspects: how many suspects share the level.
        certify: whether the bounds of the strata will be held to it, and not only the p-values.

    Raises:
        UsageError: names how many calibration models are needed.
    """
    if not strata:
        raise UsageError("the enrolment has no calibration models; enroll with a recipe that has some")
    refuse_alpha(alpha)
    share = alpha / suspects
    name, weakest = min(strata.items(), key=lambda item: item[1].units)
    least = upper_bound(0, weakest.units) if certify else weakest.floor
    if reaches(least, share):
        return
    shared = f" shared by {suspects} suspects" if suspects > 1 else ""
    sure = f" with {CONFIDENCE:.0%} confidence" if certify else ""
    advice = ""
    if certify and reaches(weakest.floor, share):
        advice += ", or leave out --certify"
    if suspects > 1 and reaches(least, alpha):
        advice += ", or name only the one that you mean to accuse"
    elif reaches(least * suspects, HIGHEST_ALPHA):
        advice += f", or enroll with an alpha of {least * suspects:.3g} or more"
    kin = "" if len(weakest.scores) == weakest.units else f" of {weakest.units} families"
    raise UsageError(
        f"alpha {alpha:g}{shared}{sure} cannot be reached: stratum '{name}' has {len(weakest.scores)} independent "
        f"calibration models{kin}, which allows {'bounds' if certify else 'p-values'} down to {least:.3g}; "
        f"{needed_models(share, certify=certify)} are needed in every stratum: enroll with a larger recipe or "
        f"calibrate on more models{advice}"
    )


def refuse_alpha(alpha: float) -> None:
    """Refuse a level that is none, or at which so many innocents would be accused that a verdict means nothing.

    Raises:
        UsageError: alpha does not lie in (0, `HIGHEST_ALPHA`].
    """
    if not (alpha > 0 and reaches(alpha, HIGHEST_ALPHA)):
        why = "; at a higher one more than one innocent in ten may be accused" if alpha > HIGHEST_ALPHA else ""
        raise UsageError(f"alpha must lie in (0, {HIGHEST_ALPHA:g}] (got {alpha:g}){why}")


def holm_thresholds(p_values: Sequence[float], alpha: float) -> list[float]:
    """Return the level that each of several suspects is held to, so that one false accusation has at most chance alpha.

    Holm's step-down: the smallest p-value is held to alpha/m, the next to alpha/(m-1), and so on until one fails; those
    after it are held to the level at which it failed. Equal p-values are held to one level, whichever comes first. A
    p-value that is NaN comes last. Where decisions are certified, the largest bound stands in for the p-value.
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda i: math.inf if math.isnan(p_values[i]) else p_values[i])
    levels, level, failed, last = [0.0] * count, alpha, False, math.nan
    for rank, index in enumerate(order):
        if not failed and p_values[index] != last:
            level = alpha / (count - rank)
            failed = not reaches(p_values[index], level)
        levels[index], last = level, p_values[index]
    return levels
