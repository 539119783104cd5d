"""Curves over all thresholds: who lies above, derived or independent? And what one reads off them."""

from __future__ import annotations

import math

import attrs
import numpy as np

from fpframe.decision.metrics import Scores, clopper_pearson


@attrs.frozen(kw_only=True)
class PowerAt:
    """How many derived models lie above a threshold that few independent ones reach.

    Attributes:
        fpr: the largest share of independent models that may reach the threshold.
        hits: derived models above it.
        n: number of derived models.
        negatives: number of independent models.
        rate: hits / n.
        interval: exact (Clopper-Pearson) 95 % interval of the rate, for a threshold that is given.
    """

    fpr: float
    hits: int
    n: int
    negatives: int
    rate: float
    interval: tuple[float, float]


def roc(positive: Scores, negative: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Return false- and true-positive rates over all thresholds, from (0, 0) to (1, 1).

    A threshold that both sides share is one diagonal step, so that the area under the curve is that of `auc`.

    Raises:
        ValueError: one side is empty.
    """
    above, below = _sides(positive, negative)
    thresholds = np.unique(np.concatenate([above, below]))[::-1]
    false, true = (
        np.concatenate([[0.0], 1 - np.searchsorted(np.sort(side), thresholds) / len(side)]) for side in (below, above)
    )
    return false, true


def tpr_at_fpr(positive: Scores, negative: Scores, fpr: float) -> PowerAt | None:
    """Return the share of positives above a threshold that a share `fpr` of the negatives reaches at most.

    The threshold is the lowest that at most ``floor(fpr * n)`` negatives lie at or above; a positive that ties with the
    next negative does not count. A rate of 0 is that above every negative. ``None`` says that the negatives are too few
    to tell: fewer than 1/fpr.

    Raises:
        ValueError: one side is empty, or `fpr` does not lie in [0, 1].
    """
    above, below = _sides(positive, negative)
    if not 0 <= fpr <= 1:
        raise ValueError(f"a false-positive rate must lie in [0, 1] (got {fpr})")
    allowed = math.floor(fpr * len(below) + 1e-9)
    if fpr > 0 and not allowed:
        return None
    first_refused = np.sort(below)[::-1][allowed] if allowed < len(below) else -np.inf
    hits = int(np.sum(above > first_refused))
    return PowerAt(
        fpr=fpr,
        hits=hits,
        n=len(above),
        negatives=len(below),
        rate=hits / len(above),
        interval=clopper_pearson(hits, len(above)),
    )


def aruc(positive: Scores, negative: Scores, *, low: float = 0.0, high: float = 1.0) -> float:
    """Return the area under the robustness-uniqueness curve (Cao, Jia and Gong, IPGuard, AsiaCCS 2021).

    At a threshold robustness is the share of positives at or above it, uniqueness the share of negatives below it. The
    area is that under the smaller of the two over the thresholds from `low` to `high`, divided by their distance. Both
    are step functions, so it is exact.

    Raises:
        ValueError: one side is empty, or `low` is not below `high`.
    """
    above, below = (np.sort(side) for side in _sides(positive, negative))
    if not low < high:
        raise ValueError(f"thresholds must go from low to high (got {low} to {high})")
    inside = np.concatenate([above, below])
    edges = np.unique(np.concatenate([[low, high], inside[(inside > low) & (inside < high)]]))
    # between two edges, the upper one included, neither share changes
    robustness = 1 - np.searchsorted(above, edges[1:]) / len(above)
    uniqueness = np.searchsorted(below, edges[1:]) / len(below)
    return float(np.sum(np.minimum(robustness, uniqueness) * np.diff(edges)) / (high - low))


def _sides(positive: Scores, negative: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of both sides; one that is NaN counts against the claimant on either."""
    if not len(positive) or not len(negative):
        raise ValueError("a curve needs scores on both sides")
    above, below = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    return np.where(np.isnan(above), -np.inf, above), np.where(np.isnan(below), np.inf, below)
