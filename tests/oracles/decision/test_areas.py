"""Areas and curves: scikit-learn's, and scipy's rank test and empirical distributions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import ecdf, mannwhitneyu
from sklearn.metrics import roc_auc_score, roc_curve

from fpframe.decision import aruc, auc, kernel, roc, tpr_at_fpr
from oracles.decision.drawn import SEEDS, labelled, two_sides


@pytest.fixture(params=SEEDS)
def sides(request) -> tuple[np.ndarray, np.ndarray]:
    """Scores of derived and of independent models."""
    positive, negative = two_sides(request.param)
    return positive[0, 0], negative[0, 0]


def test_the_auc_is_scikit_learns_and_that_of_the_rank_test(sides):
    positive, negative = sides
    assert auc(positive, negative) == pytest.approx(roc_auc_score(*labelled(positive, negative)), abs=1e-12)
    wins = mannwhitneyu(positive, negative).statistic
    assert auc(positive, negative) == pytest.approx(wins / (len(positive) * len(negative)), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_of_a_kernel_is_scikit_learns_auc_averaged_over_the_seeds(seed):
    [positive], [negative] = two_sides(seed, rounds=3)
    areas = [roc_auc_score(*labelled(above, below)) for above, below in zip(positive, negative, strict=True)]
    assert kernel(positive, negative).mean() == pytest.approx(np.mean(areas), abs=1e-12)


def test_a_roc_is_scikit_learns(sides):
    expected = roc_curve(*labelled(*sides), drop_intermediate=False)[:2]
    assert np.array(roc(*sides)) == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize("fpr", [0, 0.05, 0.1, 0.25, 0.5, 1])
def test_power_is_the_highest_point_of_scikit_learns_curve_that_keeps_the_false_positive_rate(sides, fpr):
    false, true, _ = roc_curve(*labelled(*sides), drop_intermediate=False)
    power = tpr_at_fpr(*sides, fpr)
    if power is None:
        assert 0 < fpr < 1 / len(sides[1])
    else:
        assert power.rate == pytest.approx(true[false <= fpr + 1e-9].max(), abs=1e-12)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 3.0)])
@pytest.mark.parametrize("seed", range(30))
def test_aruc_is_the_integral_over_scipys_empirical_distributions(seed, low, high):
    sides = [side[0, 0] for side in two_sides(seed)]
    above, below = (ecdf(side) for side in sides)

    def smaller(threshold: float) -> float:
        # between two scores it is all one whether a score at the threshold counts
        return float(min(above.sf.evaluate(threshold), below.cdf.evaluate(threshold)))

    edges = np.unique([low, *(score for side in sides for score in side if low < score < high), high])
    area = math.fsum(quad(smaller, *pair)[0] for pair in itertools.pairwise(edges))
    assert aruc(*sides, low=low, high=high) == pytest.approx(area / (high - low), abs=1e-9)
