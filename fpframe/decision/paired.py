"""Compare methods on the same models: areas over several seeds, their bootstrap intervals, and tests of differences.

All of it works on a *kernel* ``(P, N)``: how far a derived model beats an independent one, which is 1 above, 1/2 for a
tie and 0 below, and over several seeds the mean of these. Its own mean is the AUC. Families are the units, for models
of one family err together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from scipy.stats import t as student_t

from fpframe.decision.metrics import auc_interval

DRAWS = 2000


@attrs.frozen(kw_only=True)
class AreaTest:
    """A difference between two areas.

    Attributes:
        difference: the first AUC less the second.
        interval: 95 % interval of the difference, by the bootstrap over families.
        p_value: two-sided, by the test of `difference_test`.
    """

    difference: float
    interval: tuple[float, float]
    p_value: float


def kernel(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Return the kernel ``(P, N)`` of scores ``(S, P)`` and ``(S, N)`` with S seeds.

    A score that is NaN counts against the claimant on either side.

    Raises:
        ValueError: one side is empty.
    """
    if not positive.shape[1] or not negative.shape[1]:
        raise ValueError("an AUC needs scores on both sides")
    above = np.where(np.isnan(positive), -np.inf, positive)[:, :, None]
    below = np.where(np.isnan(negative), np.inf, negative)[:, None, :]
    beaten: np.ndarray = ((above > below) + 0.5 * (above == below)).mean(0)
    return beaten


def bootstrap_interval(
    beaten: np.ndarray, positive: Sequence[str], negative: Sequence[str], *, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval of the mean of a kernel, by drawing families with replacement on both sides.

    Where every draw gives the same, as where scores separate completely, that is not certainty, however few the models:
    there it is the interval of `auc_interval`, which is wider the fewer they are. Near complete separation the
    bootstrap is also too narrow. One family on a side says nothing: there it is all of 0 to 1.
    """
    if min(len(set(positive)), len(set(negative))) < 2:
        return 0.0, 1.0
    low, high = _percentiles(beaten, positive, negative, seed, confidence)
    if high - low < 1e-12:
        return auc_interval(float(beaten.mean()), len(set(positive)), len(set(negative)), confidence=confidence)
    return low, high


def difference_test(
    first: np.ndarray, second: np.ndarray, positive: Sequence[str], negative: Sequence[str], *, seed: int = 0
) -> AreaTest:
    """Test whether two methods have the same AUC on the same models.

    The test of DeLong et al. (Biometrics, 1988) for correlated areas, with clusters after Obuchowski (Biometrics,
    1997), and Student's distribution with as many degrees of freedom as the side with fewer families has, less one:
    with six thefts the normal distribution would find differences that are none.

    Args:
        first: kernel ``(P, N)`` of one method.
        second: that of the other, for the same models in the same order.
        positive: families ``P`` of the derived models.
        negative: families ``N`` of the independent ones.
        seed: of the bootstrap.
    """
    gap = first - second
    difference = float(gap.mean())
    smaller = min(len(set(positive)), len(set(negative)))
    if smaller < 2:  # one family says nothing of others
        return AreaTest(difference=difference, interval=(-1.0, 1.0), p_value=1.0)
    variance = _variance(gap.mean(1), positive) + _variance(gap.mean(0), negative)
    if abs(difference) < 1e-12:
        p_value = 1.0
    elif variance <= 1e-24:
        p_value = 2.0 ** (1 - smaller)  # all families say the same: the sign test
    else:
        p_value = float(2 * student_t.sf(abs(difference) / math.sqrt(variance), smaller - 1))
    interval = _percentiles(gap, positive, negative, seed, 0.95)
    return AreaTest(difference=difference, interval=interval, p_value=p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, in order (Holm, Scandinavian Journal of Statistics, 1979)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _variance(components: np.ndarray, families: Sequence[str]) -> float:
    """Return the variance of the mean of components that are correlated inside families, two or more."""
    names, member = np.unique(np.asarray(families), return_inverse=True)
    sums = np.bincount(member, weights=components - components.mean())
    return float(len(names) / (len(names) - 1) * np.sum(sums**2) / len(components) ** 2)


def _percentiles(
    table: np.ndarray, positive: Sequence[str], negative: Sequence[str], seed: int, confidence: float
) -> tuple[float, float]:
    """Return the percentile interval of the mean of a table ``(P, N)`` when families are drawn on both sides."""
    rows, columns = _draws(positive, seed, 0), _draws(negative, seed, 1)
    means = np.einsum("bp,pn,bn->b", rows, table, columns, optimize=True) / (rows.sum(1) * columns.sum(1))
    tail = (1 - confidence) / 2
    return float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail))


def _draws(families: Sequence[str], seed: int, side: int) -> np.ndarray:
    """Return how often each model is drawn ``(DRAWS, M)`` when its family is drawn with replacement."""
    names, member = np.unique(np.asarray(families), return_inverse=True)
    generator = np.random.default_rng([seed, side])
    times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    drawn: np.ndarray = times[:, member].astype(np.float64)
    return drawn
