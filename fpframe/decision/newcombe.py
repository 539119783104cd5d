"""Newcombe's intervals of areas: of one, of the mean over zoos, and of a difference.

They cover the truth where the bootstrap over families does not: near complete separation, and with few families
(`tests/bench/intervals.py` measures it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

Interval = tuple[float, float]


def auc_interval(area: float, positives: int, negatives: int, *, confidence: float = 0.95) -> Interval:
    """Return the interval of an AUC by Newcombe's method 5 (Statistics in Medicine, 2006, part 2).

    Unlike the bootstrap it does not shrink to a point when the scores separate completely, which says little when
    models are few. `positives` and `negatives` count independent units: families, where models share one. Fewer than
    two on a side say nothing: there it is all of 0 to 1.
    """
    return mean_auc_interval(area, [(positives, negatives)], confidence=confidence)


def mean_auc_interval(area: float, counts: Sequence[tuple[int, int]], *, confidence: float = 0.95) -> Interval:
    """Return the interval of the mean of the AUCs of several zoos, by the same method, if all had the same true AUC.

    Args:
        area: the mean.
        counts: positive and negative units of each zoo; a zoo with fewer than two on a side says nothing.
        confidence: the share of such intervals that hold the true mean.
    """
    if min(map(min, counts)) < 2:
        return 0.0, 1.0
    deviations = float(norm.ppf((1 + confidence) / 2))

    def excess(theta: float) -> float:
        variance = float(np.mean([_variance(theta, *each) for each in counts])) / len(counts)
        return (area - theta) ** 2 - deviations**2 * variance

    # at an area of 0 or 1 the edge itself is a root too, and not the one that is meant
    low = float(brentq(excess, 0, min(area, 1 - 1e-9))) if area > 0 else 0.0
    high = float(brentq(excess, max(area, 1e-9), 1)) if area < 1 else 1.0
    return low, high


def difference_interval(
    first: float, around_first: Interval, second: float, around_second: Interval, *, correlation: float
) -> Interval:
    """Return the interval of a difference from the intervals of both terms.

    Their distances to the ends are taken for as many standard errors (the method of variance estimates recovery; Zou
    and Donner, Statistics in Medicine, 2008, whom Newcombe's interval of two rates preceded).

    Args:
        first: one estimate.
        around_first: its interval.
        second: what is taken from it.
        around_second: its interval.
        correlation: of the two estimates, from -1 to 1.
    """
    low = _together(first - around_first[0], around_second[1] - second, correlation)
    high = _together(around_first[1] - first, second - around_second[0], correlation)
    return first - second - low, first - second + high


def _variance(theta: float, positives: int, negatives: int) -> float:
    """Return the variance of an AUC whose true value is theta."""
    half = (positives + negatives) / 2
    spread = 2 * half - 1 - (3 * half - 3) / ((2 - theta) * (1 + theta))
    return theta * (1 - theta) * spread / ((positives - 1) * (negatives - 1))


def _together(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one**2 + other**2 - 2 * correlation * one * other))
