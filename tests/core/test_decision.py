"""From scores to verdicts: closed forms, and validity by simulation."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from fpframe import UsageError
from fpframe.decision import (
    DERIVED,
    INCONCLUSIVE,
    NOT_SHOWN,
    StratumScores,
    auc,
    auc_interval,
    clopper_pearson,
    decide,
    holm_thresholds,
    require_alpha,
    stratum_p_value,
)

NAN, INF = math.nan, math.inf

POSITIVE = [0.95, 0.9, 0.9, 0.7, 0.55, 0.4]
NEGATIVE = [0.6, 0.55, 0.5, 0.3, 0.3, 0.2, 0.1, 0.05]


def stratum(scores, families=None):
    """Return calibration scores; each model is its own family unless families are given."""
    return StratumScores(scores=tuple(scores), families=tuple(families or map(str, range(len(scores)))))


def tenths(count=9):
    """Return calibration scores 0.1, 0.2 and so on."""
    return stratum([(i + 1) / 10 for i in range(count)])


# --- metrics


def test_auc_equals_the_count_of_pairs_by_hand():
    # 48 pairs: 8 + 8 + 8 + 8 wins, 6 wins and one tie, 5 wins
    assert auc(POSITIVE, NEGATIVE) == 0.90625 == (32 + 6.5 + 5) / 48


def test_auc_of_swapped_sides_is_the_complement():
    assert auc(NEGATIVE, POSITIVE) == 1 - 0.90625


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], [])])
def test_auc_needs_scores_on_both_sides(sides):
    with pytest.raises(ValueError, match="both sides"):
        auc(*sides)


def test_the_interval_of_an_auc_covers_the_true_one_as_often_as_it_says():
    source = np.random.default_rng(0)
    for shift, sizes in ((0.5, (6, 12)), (1.5, (10, 18)), (2.5, (6, 12))):
        true = NormalDist().cdf(shift / 2**0.5)
        covered = 0
        for _ in range(400):
            area = auc(source.normal(shift, 1, sizes[0]), source.normal(0, 1, sizes[1]))
            low, high = auc_interval(area, *sizes)
            covered += low <= true <= high
        assert covered / 400 >= 0.93


def test_the_interval_of_an_auc_does_not_shrink_to_a_point_when_the_scores_separate():
    assert auc_interval(1.0, 6, 12) == (pytest.approx(0.69985, abs=1e-5), 1.0)
    assert auc_interval(0.0, 6, 12) == (0.0, pytest.approx(0.30015, abs=1e-5))
    assert auc_interval(1.0, 1, 12) == (0.0, 1.0)
    wide, narrow = auc_interval(0.9, 6, 6), auc_interval(0.9, 60, 60)
    assert wide[0] < narrow[0] < 0.9 < narrow[1] < wide[1]


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


# --- p-values


@pytest.mark.parametrize(
    ("score", "p", "at_least"), [(2.0, 0.1, 0), (0.85, 0.2, 1), (0.9, 0.2, 1), (0.45, 0.6, 5), (0.0, 1.0, 9)]
)
def test_p_value_is_one_plus_the_models_as_high_over_n_plus_one_with_ties_against_the_claimant(score, p, at_least):
    result = stratum_p_value(score, tenths())
    assert (result.p, result.at_least, result.n) == (pytest.approx(p), at_least, 9)


def test_equal_calibration_scores_give_p_one_to_a_tied_suspect():
    assert stratum_p_value(0.5, stratum([0.5] * 9)).p == 1


@pytest.mark.parametrize("score", [NAN, -INF])
def test_a_score_that_is_no_number_or_minus_infinity_gives_p_one(score):
    assert stratum_p_value(score, tenths()).p == 1


def test_a_calibration_score_that_is_nan_counts_against_the_claimant():
    assert stratum_p_value(2.0, stratum([0.1, NAN, 0.2])).p == pytest.approx(2 / 4)


def test_the_larger_of_the_p_values_over_models_and_over_families_counts():
    # models: a a a a b c, the suspect at 0.5: 1 of 6 models and 1 of 3 families are as high
    by_family = stratum([0.6, 0.1, 0.1, 0.1, 0.2, 0.3], "aaaabc")
    result = stratum_p_value(0.5, by_family)
    assert result.p == (1 + 1) / (3 + 1) > (1 + 1) / (6 + 1)
    assert (result.n, result.families, result.at_least) == (6, 3, 1)
    # 4 of 6 models and 1 of 3 families are as high: here the models decide
    by_model = stratum([0.6, 0.6, 0.6, 0.6, 0.2, 0.3], "aaaabc")
    assert stratum_p_value(0.5, by_model).p == (1 + 4) / (6 + 1) > (1 + 1) / (3 + 1)


def test_no_score_gives_a_p_value_below_the_floor():
    clustered = stratum([0.1, 0.1, 0.2, 0.2, 0.3, 0.3], "aabbcc")
    assert (clustered.units, clustered.floor) == (3, 1 / 4)
    assert stratum_p_value(INF, clustered).p == clustered.floor
    assert stratum_p_value(INF, tenths()).p == tenths().floor == 1 / 10


def test_the_margin_is_the_distance_from_the_highest_score_in_standard_deviations():
    # mean 0.2, deviations -0.1 0 0.1: standard deviation 0.1
    assert stratum_p_value(0.5, stratum([0.1, 0.2, 0.3])).margin == pytest.approx(2.0)
    assert math.isnan(stratum_p_value(0.5, stratum([0.2, 0.2])).margin)
    assert math.isnan(stratum_p_value(NAN, stratum([0.1, 0.2, 0.3])).margin)


def test_scores_without_their_families_are_refused():
    with pytest.raises(ValueError, match="3 scores but 2 families"):
        StratumScores(scores=(0.1, 0.2, 0.3), families=("a", "b"))


# --- the level


@pytest.mark.parametrize(("alpha", "needed"), [(0.05, 19), (0.01, 99), (0.1, 9), (1 / 3, 2)])
def test_an_alpha_out_of_reach_names_the_number_of_models_and_that_number_is_enough(alpha, needed):
    with pytest.raises(UsageError, match=rf"cannot be reached: stratum 's' has {needed - 1} .*; {needed} are needed"):
        require_alpha(alpha, {"s": stratum([0.0] * (needed - 1))})
    require_alpha(alpha, {"s": stratum([0.0] * needed)})


def test_the_weakest_stratum_and_its_families_decide_whether_alpha_can_be_reached():
    strata = {"large": stratum([0.0] * 99), "clustered": stratum([0.0] * 18, "abcdef" * 3)}
    with pytest.raises(UsageError, match=r"stratum 'clustered' has 6 .* down to 0.143; 9 are needed"):
        require_alpha(0.1, strata)


def test_suspects_of_one_call_share_alpha():
    strata = {"s": stratum([0.0] * 19)}
    require_alpha(0.05, strata, suspects=1)
    with pytest.raises(UsageError, match=r"shared by 2 suspects .* 39 are needed .* name only the one"):
        require_alpha(0.05, strata, suspects=2)
    require_alpha(0.1, strata, suspects=2)


def test_a_shared_alpha_is_reached_exactly_in_spite_of_binary_fractions():
    assert 0.3 / 3 < 0.1
    require_alpha(0.3, {"s": tenths()}, suspects=3)
    with pytest.raises(UsageError, match="9 are needed"):
        require_alpha(0.3, {"s": tenths(8)}, suspects=3)


def test_verifying_one_by_one_is_no_advice_where_it_does_not_help():
    with pytest.raises(UsageError) as caught:
        require_alpha(0.01, {"s": stratum([0.0] * 19)}, suspects=2)
    assert "name only the one" not in str(caught.value)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 2, NAN])
def test_an_alpha_outside_zero_to_one_is_refused(alpha):
    with pytest.raises(UsageError, match=r"alpha must lie in \(0, 1\)"):
        require_alpha(alpha, {"s": stratum([0.0] * 99)})


def test_an_enrolment_without_calibration_models_is_refused():
    with pytest.raises(UsageError, match="no calibration models"):
        require_alpha(0.05, {})


def test_holm_steps_down_and_holds_those_after_a_failure_to_the_level_at_which_it_failed():
    # sorted: 0.005 <= 0.05/4, 0.01 <= 0.05/3, then 0.03 > 0.05/2 fails, and 0.04 with it
    levels = holm_thresholds([0.01, 0.04, 0.03, 0.005], 0.05)
    assert levels == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])


def test_holm_reaches_the_full_level_for_the_last_when_all_others_pass():
    assert holm_thresholds([0.05, 0.01, 0.02], 0.05) == pytest.approx([0.05, 0.05 / 3, 0.025])


def test_holm_holds_a_single_suspect_to_alpha_itself():
    assert holm_thresholds([0.7], 0.05) == [0.05]


def test_holm_puts_a_missing_p_value_last():
    assert holm_thresholds([NAN, 0.01], 0.05) == pytest.approx([0.05, 0.025])


def test_holm_is_met_exactly_in_spite_of_binary_fractions():
    assert 0.3 / 3 < 0.1
    assert holm_thresholds([0.1, 0.15, 0.3], 0.3) == pytest.approx([0.1, 0.15, 0.3])


# --- verdicts


def test_derived_needs_every_stratum():
    low, high = tenths(), stratum([0.95] + [0.1] * 8)
    assert decide([0.92] * 3, {"low": low}, alpha=0.1).verdict == DERIVED
    both = decide([0.92] * 3, {"low": low, "high": high}, alpha=0.1)
    assert (both.verdict, both.p_value, both.reason) == (NOT_SHOWN, pytest.approx(0.2), "")
    assert {name: result.at_least for name, result in both.strata.items()} == {"low": 0, "high": 1}


def test_the_score_is_the_mean_over_the_views():
    decision = decide([0.2, 0.3, 0.7], {"s": tenths()}, alpha=0.1)
    assert decision.score == pytest.approx(0.4)
    assert 0.2 <= decision.interval[0] < 0.4 < decision.interval[1] <= 0.7


def test_an_interval_that_crosses_the_threshold_is_inconclusive_and_says_so():
    decision = decide([0.5, 0.99, 0.99, 1.0, 1.1], {"s": tenths()}, alpha=0.1)
    assert decision.score > 0.9 > decision.interval[0]
    assert decision.verdict == INCONCLUSIVE
    assert decision.reason.startswith("the views disagree: over them the score lies in 0.")
    assert math.isfinite(decision.p_value)


def test_views_that_disagree_on_one_side_of_the_threshold_still_give_a_verdict():
    assert decide([1.0, 3.0, 2.0], {"s": tenths()}, alpha=0.1).verdict == DERIVED
    assert decide([-1.0, -3.0, 0.5], {"s": tenths()}, alpha=0.1).verdict == NOT_SHOWN


@pytest.mark.parametrize("views", [[NAN, 2.0, 2.0], [2.0, INF], [INF, -INF], [-INF, 2.0], []])
def test_one_view_that_is_not_finite_prevents_a_verdict(views):
    decision = decide(views, {"s": tenths()}, alpha=0.1)
    assert (decision.verdict, decision.reason) == (INCONCLUSIVE, "the score is not finite")
    assert math.isnan(decision.score)
    assert math.isnan(decision.p_value)
    assert math.isnan(decision.strata["s"].p)


def test_misbehaviour_of_the_suspect_prevents_a_verdict_whatever_its_score():
    decision = decide([2.0, 2.0], {"s": tenths()}, alpha=0.1, behaviour="it refused")
    assert (decision.verdict, decision.reason) == (INCONCLUSIVE, "it refused")
    assert math.isnan(decision.p_value)


def test_nothing_is_decided_without_strata():
    with pytest.raises(ValueError, match="at least one stratum"):
        decide([2.0], {}, alpha=0.1)


# --- validity by simulation

TRIALS = 3000
LEVELS = (0.1, 0.2, 0.5)


def false_positive_rates(*, families, models, spread, declared):
    """Return how often p <= u for suspects of a family of their own, and how often it may at most be measured.

    `spread` is the standard deviation between families, where that within a family is 1.
    """
    source = np.random.default_rng(20)
    names = [str(family) for family in range(families) for _ in range(models)]
    if not declared:
        names = [str(index) for index in range(families * models)]
    p_values = []
    for _ in range(TRIALS):
        shared = spread * source.standard_normal(families + 1)
        scores = np.repeat(shared[:-1], models) + source.standard_normal(families * models)
        p_values.append(stratum_p_value(shared[-1] + source.standard_normal(), stratum(scores, names)).p)
    rates = [float(np.mean(np.asarray(p_values) <= u)) for u in LEVELS]
    return rates, [u + 4 * math.sqrt(u * (1 - u) / TRIALS) for u in LEVELS]


def test_p_values_of_exchangeable_independent_models_keep_their_promise():
    rates, limits = false_positive_rates(families=19, models=1, spread=0.0, declared=True)
    assert all(rate <= limit for rate, limit in zip(rates, limits, strict=True))
    # with 19 models the levels are met exactly, so a p-value that is merely large would not pass
    assert rates == pytest.approx(LEVELS, abs=0.04)


def test_p_values_keep_their_promise_under_strong_family_effects_when_families_are_declared():
    rates, limits = false_positive_rates(families=4, models=8, spread=5.0, declared=True)
    assert all(rate <= limit for rate, limit in zip(rates, limits, strict=True))
    assert rates[-1] > 0.3


def test_p_values_break_their_promise_under_strong_family_effects_when_families_are_hidden():
    rates, limits = false_positive_rates(families=4, models=8, spread=5.0, declared=False)
    assert rates[0] > 1.3 * limits[0]
