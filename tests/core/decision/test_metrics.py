"""Rates, areas and shares of variance: closed forms, brute force, and other codes."""

import math

import attrs
import numpy as np
import pytest

from fpframe.decision.curves import aruc, roc, tpr_at_fpr
from fpframe.decision.metrics import auc, clopper_pearson
from fpframe.decision.variance import variance_shares

NAN, INF = math.nan, math.inf

POSITIVE = [0.95, 0.9, 0.9, 0.7, 0.55, 0.4]
NEGATIVE = [0.6, 0.55, 0.5, 0.3, 0.3, 0.2, 0.1, 0.05]


def random_sides(seed):
    """Return scores of both sides, on a grid so that many tie."""
    source = np.random.default_rng(seed)
    positive, negative = source.integers(3, 12, source.integers(1, 20)), source.integers(0, 9, source.integers(1, 20))
    return positive / 10, negative / 10


# --- AUC and intervals


def test_auc_equals_the_count_of_pairs_by_hand():
    # 48 pairs: 8 + 8 + 8 + 8 wins, 6 wins and one tie, 5 wins
    assert auc(POSITIVE, NEGATIVE) == 0.90625 == (32 + 6.5 + 5) / 48


def test_auc_of_swapped_sides_is_the_complement():
    assert auc(NEGATIVE, POSITIVE) == 1 - 0.90625


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], [])])
def test_auc_needs_scores_on_both_sides(sides):
    with pytest.raises(ValueError, match="both sides"):
        auc(*sides)


def test_clopper_pearson_equals_its_closed_form_at_the_ends():
    bound = 0.025 ** (1 / 20)
    assert clopper_pearson(0, 20) == (0.0, pytest.approx(1 - bound, abs=1e-12))
    assert clopper_pearson(20, 20) == (pytest.approx(bound, abs=1e-12), 1.0)
    assert round(1 - bound, 4) == 0.1684
    assert round(bound, 4) == 0.8316


def test_clopper_pearson_inverts_the_binomial_tails():
    from scipy.stats import binom

    low, high = clopper_pearson(3, 12)
    assert binom.sf(2, 12, low) == pytest.approx(0.025, abs=1e-9)
    assert binom.cdf(3, 12, high) == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_clopper_pearson_refuses_what_is_not_a_rate(hits, n):
    with pytest.raises(ValueError, match="not a rate"):
        clopper_pearson(hits, n)


def test_a_score_that_is_nan_counts_against_the_claimant_in_an_auc():
    assert auc([NAN, 1.0], [0.0, 0.5]) == auc([1.0, 1.0], [0.0, NAN]) == 0.5
    assert auc([INF, 1.0], [0.0, INF]) == (2 + 0.5) / 4


# --- curves


def test_power_at_no_false_positive_equals_the_count_by_hand():
    # 0.95, 0.9, 0.9 and 0.7 lie above 0.6
    power = tpr_at_fpr(POSITIVE, NEGATIVE, 0)
    assert (power.hits, power.n, power.negatives) == (4, 6, 8)
    assert round(power.rate, 4) == 0.6667
    assert power.interval == clopper_pearson(4, 6)


def test_aruc_equals_its_closed_form():
    assert round(aruc(POSITIVE, NEGATIVE), 5) == 0.43958


def test_aruc_over_other_thresholds_is_divided_by_their_range():
    # nothing is below -1 or above 1: the area of 0..1 is half of that range, and uniqueness is 0 below 0.05
    assert aruc(POSITIVE, NEGATIVE, low=-1) == pytest.approx(aruc(POSITIVE, NEGATIVE) / 2)
    assert aruc([1.0], [-1.0], low=-1, high=1) == 1
    assert aruc([-1.0], [1.0], low=-1, high=1) == 0


@pytest.mark.parametrize("seed", range(20))
def test_aruc_equals_a_sum_over_a_fine_grid_of_thresholds(seed):
    positive, negative = random_sides(seed)
    thresholds = (np.arange(10_000) + 0.5) / 10_000
    smaller = np.minimum(
        (positive[:, None] >= thresholds).mean(0),
        (negative[:, None] < thresholds).mean(0),
    )
    assert aruc(positive, negative) == pytest.approx(smaller.mean(), abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_roc_holds_the_rates_of_every_threshold(seed):
    positive, negative = random_sides(seed)
    thresholds = [INF, *sorted({*positive, *negative}, reverse=True)]
    expected = [(np.mean(negative >= at), np.mean(positive >= at)) for at in thresholds]
    assert np.transpose(roc(positive, negative)) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("seed", range(20))
def test_the_area_under_a_roc_is_the_auc(seed):
    positive, negative = random_sides(seed)
    false, true = roc(positive, negative)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    area = float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))
    assert area == pytest.approx(auc(positive, negative))


def test_a_tie_of_both_sides_is_one_diagonal_step():
    false, true = roc([0.5], [0.5])
    assert (false.tolist(), true.tolist()) == ([0, 1], [0, 1])


@pytest.mark.parametrize("fpr", [0, 0.1, 0.25, 0.5, 1])
@pytest.mark.parametrize("seed", range(10))
def test_power_is_the_best_of_all_thresholds_that_keep_the_false_positive_rate(seed, fpr):
    positive, negative = random_sides(seed)
    thresholds = [INF, -INF, *np.nextafter([*positive, *negative], INF), *positive, *negative]
    allowed = [at for at in thresholds if np.sum(negative >= at) <= fpr * len(negative) + 1e-9]
    power = tpr_at_fpr(positive, negative, fpr)
    if 0 < fpr * len(negative) < 1:
        assert power is None
    else:
        assert power.hits == max(np.sum(positive >= at) for at in allowed)


def test_a_false_positive_rate_is_told_only_where_there_are_models_enough():
    scores = [0.0] * 19
    assert tpr_at_fpr([1.0], scores, 0.05) is None
    assert tpr_at_fpr([1.0], [*scores, 0.0], 0.05).rate == 1
    assert tpr_at_fpr([1.0], scores, 0).rate == 1
    # 0.3 * 10 is below 3 in binary fractions, and means 3
    assert tpr_at_fpr([0.5], [1.0] * 3 + [0.0] * 7, 0.1 + 0.2 - 1e-16).hits == 1


def test_a_tie_with_a_negative_that_is_one_too_many_counts_against_the_claimant():
    assert tpr_at_fpr([0.6, 0.7], [0.6, 0.1], 0).hits == 1
    assert tpr_at_fpr([0.6, 0.7], [0.6, 0.1], 0.5).hits == 2


def test_a_score_that_is_nan_counts_against_the_claimant_on_every_curve():
    assert tpr_at_fpr([NAN, 1.0], [0.0, 0.0], 0).hits == 1
    assert tpr_at_fpr([1.0, 1.0], [0.0, NAN], 0).hits == 0
    assert aruc([NAN, 1.0], [0.0, 0.0]) == aruc([1.0, 1.0], [0.0, NAN]) == 0.5
    false, true = roc([NAN, 1.0], [0.0, NAN])
    assert (false.tolist(), true.tolist()) == ([0, 0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5, 1])


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], [])])
@pytest.mark.parametrize("curve", [aruc, roc, lambda a, b: tpr_at_fpr(a, b, 0)])
def test_a_curve_needs_scores_on_both_sides(curve, sides):
    with pytest.raises(ValueError, match="both sides"):
        curve(*sides)


def test_thresholds_and_rates_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="from low to high"):
        aruc(POSITIVE, NEGATIVE, low=1, high=1)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        tpr_at_fpr(POSITIVE, NEGATIVE, 1.5)


# --- variance


def test_variance_shares_equal_a_computation_by_hand():
    # means 2, 4, 9; grand mean 5: MSB = 2 * (9 + 1 + 16) / 2 = 26. Within: 2 * (1 + 1 + 4) / 3 = 4
    shares = variance_shares(np.array([[1.0, 3.0], [3.0, 5.0], [7.0, 11.0]]))
    assert (shares.between, shares.within, shares.f) == pytest.approx(((26 - 4) / 2, 4, 6.5))
    assert shares.share == pytest.approx(11 / 15)
    assert (shares.models, shares.views) == (3, 2)


@pytest.mark.parametrize("shape", [(2, 2), (5, 10), (30, 3)])
def test_the_f_statistic_is_that_of_scipy(shape):
    from scipy.stats import f_oneway

    views = np.random.default_rng(3).normal(size=shape) + np.arange(shape[0])[:, None] / 10
    assert variance_shares(views).f == pytest.approx(f_oneway(*views).statistic, rel=1e-9)


def test_variance_shares_find_the_variances_that_scores_were_drawn_with():
    source = np.random.default_rng(4)
    views = source.normal(0, 3, (2000, 1)) + source.normal(0, 1, (2000, 10))
    shares = variance_shares(views)
    assert (shares.between, shares.within) == (pytest.approx(9, rel=0.15), pytest.approx(1, rel=0.05))
    assert shares.share == pytest.approx(0.9, abs=0.02)


def test_a_variance_between_models_is_never_negative():
    # all means are equal, and the views are not
    shares = variance_shares(np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert (shares.between, shares.share, shares.f) == (0, 0, 0)


def test_models_whose_views_all_agree_vary_only_between_each_other():
    shares = variance_shares(np.array([[0.1] * 3, [0.7] * 3]))
    assert (shares.within, shares.share, shares.f) == (0, 1, INF)
    assert shares.between == pytest.approx(0.18)


@pytest.mark.parametrize(
    "views", [[[1.0, 2.0]], [[1.0], [2.0]], [[1.0, NAN], [2.0, 3.0]], [[1.0, INF], [2.0, 3.0]], np.zeros((0, 4))]
)
def test_a_variance_that_cannot_be_divided_is_not_a_number(views):
    shares = variance_shares(np.array(views))
    assert all(math.isnan(value) for value in attrs.astuple(shares)[:4])


def test_scores_that_are_all_the_same_have_no_share():
    assert math.isnan(variance_shares(np.full((3, 4), 0.1)).share)


def test_view_scores_without_views_are_refused():
    with pytest.raises(ValueError, match="must have shape"):
        variance_shares(np.zeros(4))
