"""Exact intervals, and the bootstrap over views: scipy's and statsmodels'."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap
from statsmodels.stats.proportion import proportion_confint

from fpframe.decision import (
    clopper_pearson,
    interval_over_views,
    needed_models,
    upper_bound,
)

RATES = [(hits, n) for n in (1, 2, 3, 7, 20, 59, 400) for hits in sorted({0, 1, n // 3, n - 1, n})]


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("hits", "n"), RATES)
def test_clopper_pearson_is_scipys_and_statsmodels(hits, n, confidence):
    found = clopper_pearson(hits, n, confidence=confidence)
    assert found == pytest.approx(tuple(binomtest(hits, n).proportion_ci(confidence, method="exact")), abs=1e-9)
    assert found == pytest.approx(proportion_confint(hits, n, alpha=1 - confidence, method="beta"), abs=1e-9)


@pytest.mark.parametrize(("hits", "n"), RATES)
def test_the_bound_of_a_stratum_is_scipys_one_sided_bound(hits, n):
    expected = binomtest(hits, n, alternative="less").proportion_ci(0.95, method="exact").high
    assert upper_bound(hits, n) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 1 / 3, 0.5, 0.9])
def test_as_many_models_are_needed_as_bring_scipys_bound_to_the_level(alpha):
    def bound(n: int) -> float:
        return float(binomtest(0, n, alternative="less").proportion_ci(0.95, method="exact").high)

    expected = next(n for n in range(1, 1000) if bound(n) <= alpha * (1 + 1e-9))
    assert needed_models(alpha, certify=True) == expected


def share_at(distribution: np.ndarray, value: float) -> tuple[float, float]:
    """Return the share of a bootstrap distribution below a value, and at or below it; rounding makes ties."""
    return float(np.mean(distribution < value - 1e-12)), float(np.mean(distribution <= value + 1e-12))


def is_quantile(distribution: np.ndarray, value: float, tail: float, *, draws: int) -> bool:
    """Return whether a value is that quantile, up to four standard errors of both numbers of draws."""
    below, at_most = share_at(distribution, value)
    slack = 4 * np.sqrt(tail * (1 - tail) * (1 / draws + 1 / len(distribution)))
    return bool(below <= tail + slack and at_most >= tail - slack)


@pytest.mark.parametrize("views", [2, 3, 5, 10, 40])
def test_the_interval_over_views_lies_at_the_quantiles_of_scipys_bootstrap(views):
    scores = np.random.default_rng(views).normal(0.5, 0.2, views)
    low, high = interval_over_views(scores.tolist())
    theirs = bootstrap((scores,), np.mean, n_resamples=20_000, method="percentile", rng=0).bootstrap_distribution
    assert is_quantile(theirs, low, 0.025, draws=1000)
    assert is_quantile(theirs, high, 0.975, draws=1000)
