"""Areas and rates over models, and the exact interval of a rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta

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
