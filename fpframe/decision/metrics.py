"""Rates and areas over models, each with an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta

from fpframe.rng import derive_seed

Scores = Sequence[float] | np.ndarray


def auc(positive: Scores, negative: Scores) -> float:
    """Return the chance that a positive scores above a negative; a tie counts half.

    Raises:
        ValueError: one side is empty.
    """
    if not len(positive) or not len(negative):
        raise ValueError("an AUC needs scores on both sides")
    pairs = np.subtract.outer(np.asarray(positive), np.asarray(negative))
    return float((pairs > 0).mean() + 0.5 * (pairs == 0).mean())


def auc_interval(positive: Scores, negative: Scores, *, resamples: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the AUC, resampling the models of each side."""
    source = np.random.default_rng(derive_seed(seed, "auc interval"))
    high, low = np.asarray(positive), np.asarray(negative)
    areas = [auc(source.choice(high, len(high)), source.choice(low, len(low))) for _ in range(resamples)]
    return float(np.quantile(areas, 0.025)), float(np.quantile(areas, 0.975))


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
