"""Rates and areas over models, each with an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, norm

Scores = Sequence[float] | np.ndarray


def auc(positive: Scores, negative: Scores) -> float:
    """Return the chance that a positive scores above a negative; a tie counts half.

    Raises:
        ValueError: one side is empty.
    """
    if not len(positive) or not len(negative):
        raise ValueError("an AUC needs scores on both sides")
    above, below = np.asarray(positive)[:, None], np.asarray(negative)
    return float((above > below).mean() + 0.5 * (above == below).mean())


def auc_interval(area: float, positives: int, negatives: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of an AUC by Newcombe's method 5 (Statistics in Medicine, 2006, part 2).

    Unlike the bootstrap it does not shrink to a point when the scores separate completely, which says little when
    models are few. `positives` and `negatives` count independent units: families, where models share one.
    """
    if min(positives, negatives) < 2:
        return 0.0, 1.0
    deviations = float(norm.ppf((1 + confidence) / 2))
    half = (positives + negatives) / 2

    def excess(theta: float) -> float:
        spread = 2 * half - 1 - (3 * half - 3) / ((2 - theta) * (1 + theta))
        variance = theta * (1 - theta) * spread / ((positives - 1) * (negatives - 1))
        return (area - theta) ** 2 - deviations**2 * variance

    # at an area of 0 or 1 the edge itself is a root too, and not the one that is meant
    low = float(brentq(excess, 0, min(area, 1 - 1e-9))) if area > 0 else 0.0
    high = float(brentq(excess, max(area, 1e-9), 1)) if area < 1 else 1.0
    return low, high


def clopper_pearson(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a rate.

    Raises:
        ValueError: `hits` does not lie in 0..n, or n is 0.
    """
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} of {n} is not a rate")
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high
