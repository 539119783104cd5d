"""From scores to verdicts, and the levels that they are held to."""

import math

import numpy as np
import pytest

from fpframe import UsageError
from fpframe.base import Note
from fpframe.decision import decide
from fpframe.decision.levels import holm_thresholds, require_alpha
from fpframe.decision.outcome import DERIVED, INCONCLUSIVE, NOT_SHOWN
from fpframe.decision.paths import mean_of_views
from fpframe.decision.pvalues import StratumScores, needed_models, stratum_p_value, stratum_p_values, upper_bound

NAN, INF = math.nan, math.inf

REFUSED = Note("refused", "It refused.")


def stratum(scores, families=None):
    """Return calibration scores; each model is its own family unless families are given."""
    return StratumScores(scores=tuple(scores), families=tuple(families or map(str, range(len(scores)))))


def tenths(count=9):
    """Return calibration scores 0.1, 0.2 and so on."""
    return stratum([(i + 1) / 10 for i in range(count)])


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


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_calibration_score_that_is_not_finite_counts_against_the_claimant(value):
    assert stratum_p_value(2.0, stratum([0.1, value, 0.2])).p == pytest.approx(2 / 4)
    in_families = stratum_p_value(2.0, stratum([0.1, value, 0.2, 0.3], "aabb"))
    assert (in_families.p_models, in_families.p_families) == (2 / 5, 2 / 3)


def test_the_larger_of_the_p_values_over_models_and_over_families_counts():
    # models: a a a a b c, the suspect at 0.5: 1 of 6 models and 1 of 3 families are as high
    by_family = stratum([0.6, 0.1, 0.1, 0.1, 0.2, 0.3], "aaaabc")
    result = stratum_p_value(0.5, by_family)
    assert result.p == (1 + 1) / (3 + 1) > (1 + 1) / (6 + 1)
    assert (result.p_models, result.p_families) == (2 / 7, 2 / 4)
    assert (result.n, result.families, result.at_least, result.families_at_least) == (6, 3, 1, 1)
    # 4 of 6 models and 1 of 3 families are as high: here the models decide
    by_model = stratum([0.6, 0.6, 0.6, 0.6, 0.2, 0.3], "aaaabc")
    result = stratum_p_value(0.5, by_model)
    assert result.p == result.p_models == (1 + 4) / (6 + 1) > (1 + 1) / (3 + 1) == result.p_families
    assert (result.at_least, result.families_at_least) == (4, 1)


def test_many_scores_at_once_have_the_p_values_that_they_have_one_by_one():
    source = np.random.default_rng(1)
    calibration = stratum(source.integers(0, 9, 40).tolist(), [f"f{i}" for i in source.integers(0, 12, 40)])
    scores = [*range(-1, 10), 3.5, NAN, INF, -INF]
    assert stratum_p_values(scores, calibration).tolist() == [stratum_p_value(s, calibration).p for s in scores]


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


# --- the bound


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (0, 59), (1, 19), (7, 20), (29, 30)])
def test_the_bound_inverts_the_binomial_tail(hits, n):
    from scipy.stats import binom

    assert binom.cdf(hits, n, upper_bound(hits, n)) == pytest.approx(0.05, abs=1e-9)


def test_the_bound_without_a_hit_has_a_closed_form_and_is_one_where_all_are_hits():
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-12)
    assert upper_bound(5, 5) == 1 == upper_bound(0, 0)


def test_the_bound_is_never_below_the_p_value():
    assert all(upper_bound(hits, n) >= (1 + hits) / (1 + n) for n in range(1, 60) for hits in range(n + 1))


def test_the_larger_of_the_bounds_over_models_and_over_families_counts():
    by_family = stratum_p_value(0.5, stratum([0.6, 0.1, 0.1, 0.1, 0.2, 0.3], "aaaabc"))
    assert by_family.bound == upper_bound(1, 3) > upper_bound(1, 6)
    by_model = stratum_p_value(0.5, stratum([0.6] * 9 + [0.1, 0.2], "aaaaaaaaabc"))
    assert by_model.bound == upper_bound(9, 11) > upper_bound(1, 3)


def test_a_certified_level_holds_in_all_but_five_per_cent_of_the_calibrations():
    # a suspect at the 95 % quantile of independent models: where it is called derived, more than 5 % of them would be
    source, trials = np.random.default_rng(2), 1000

    def misled(n, certify):
        calibrations = (stratum(scores) for scores in source.uniform(size=(trials, n)).tolist())
        results = [stratum_p_value(0.95, calibration) for calibration in calibrations]
        return np.mean([(result.bound if certify else result.p) <= 0.05 for result in results])

    assert misled(59, True) <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / trials)
    assert misled(19, False) > 0.3  # p keeps its promise on average over calibrations only


# --- the level


def test_the_numbers_of_models_that_are_needed_are_the_well_known_ones():
    assert [needed_models(alpha) for alpha in (0.1, 0.05, 0.01)] == [9, 19, 99]
    assert [needed_models(alpha, certify=True) for alpha in (0.1, 0.05, 0.01)] == [29, 59, 299]


@pytest.mark.parametrize("certify", [False, True])
@pytest.mark.parametrize("alpha", [0.3, 0.1, 1 / 3, (3 / 11) / 3, 0.07, 0.05, 0.01, 0.0033])
def test_the_number_of_models_that_is_needed_is_the_smallest_that_passes(alpha, certify):
    needed = needed_models(alpha, certify=certify)
    verdicts = [
        decide([1.0], {"s": stratum([0.0] * n)}, alpha=alpha, certify=certify).verdict for n in (needed - 1, needed)
    ]
    assert verdicts == [NOT_SHOWN, DERIVED]


@pytest.mark.parametrize("alpha", [0, 1, NAN])
def test_no_number_of_models_is_enough_for_an_alpha_outside_zero_to_one(alpha):
    with pytest.raises(ValueError, match="alpha must lie in"):
        needed_models(alpha)


def test_certifying_one_per_cent_takes_299_models():
    few, enough = {"s": stratum([0.0] * 298)}, {"s": stratum([0.0] * 299)}
    with pytest.raises(UsageError, match=r"with 95% confidence cannot .* has 298 .* bounds .* 299 are .* --certify"):
        require_alpha(0.01, few, certify=True)
    require_alpha(0.01, few)
    require_alpha(0.01, enough, certify=True)
    assert decide([1.0, 1.0], few, alpha=0.01).verdict == DERIVED
    assert decide([1.0, 1.0], few, alpha=0.01, certify=True).verdict == NOT_SHOWN
    certified = decide([1.0, 1.0], enough, alpha=0.01, certify=True)
    assert (certified.verdict, certified.certify) == (DERIVED, True)


def test_certifying_counts_families():
    with pytest.raises(UsageError, match=r"has 116 .* of 58 families.* 59 are needed"):
        require_alpha(0.05, {"s": stratum([0.0] * 116, [str(i) for i in range(58)] * 2)}, certify=True)


def test_leaving_out_certify_is_no_advice_where_it_does_not_help():
    with pytest.raises(UsageError) as caught:
        require_alpha(0.01, {"s": stratum([0.0] * 98)}, certify=True)
    assert "leave out" not in str(caught.value)


@pytest.mark.parametrize(("alpha", "needed"), [(0.05, 19), (0.01, 99), (0.1, 9), (1 / 30, 29)])
def test_an_alpha_out_of_reach_names_the_number_of_models_and_that_number_is_enough(alpha, needed):
    with pytest.raises(UsageError, match=rf"cannot be reached: stratum 's' has {needed - 1} .*; {needed} are needed"):
        require_alpha(alpha, {"s": stratum([0.0] * (needed - 1))})
    require_alpha(alpha, {"s": stratum([0.0] * needed)})


def test_the_weakest_stratum_and_its_families_decide_whether_alpha_can_be_reached():
    strata = {"large": stratum([0.0] * 99), "clustered": stratum([0.0] * 18, "abcdef" * 3)}
    with pytest.raises(UsageError, match=r"stratum 'clustered' has 18 .* of 6 families.* down to 0.143; 9 are needed"):
        require_alpha(0.1, strata)


def test_suspects_of_one_call_share_alpha():
    strata = {"s": stratum([0.0] * 19)}
    require_alpha(0.05, strata, suspects=1)
    with pytest.raises(UsageError, match=r"shared by 2 suspects .* 39 are needed .* name only the one"):
        require_alpha(0.05, strata, suspects=2)
    require_alpha(0.1, strata, suspects=2)


def test_a_shared_alpha_is_reached_exactly_in_spite_of_binary_fractions():
    assert 0.3 / 3 < 0.1
    require_alpha(0.1, {"s": tenths(29)}, suspects=3)
    with pytest.raises(UsageError, match="9 are needed"):
        require_alpha(0.1, {"s": tenths(28)}, suspects=3)


def test_verifying_one_by_one_is_no_advice_where_it_does_not_help():
    with pytest.raises(UsageError) as caught:
        require_alpha(0.01, {"s": stratum([0.0] * 19)}, suspects=2)
    assert "name only the one" not in str(caught.value)


@pytest.mark.parametrize("alpha", [0, 0.11, 0.5, 1, -0.1, 2, NAN, INF, -INF])
def test_an_alpha_outside_zero_to_one_in_ten_is_refused(alpha):
    with pytest.raises(UsageError, match=r"alpha must lie in \(0, 0\.1\]"):
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


def test_suspects_with_one_p_value_are_held_to_one_level_in_whatever_order_they_are_named():
    assert holm_thresholds([0.02, 0.01, 0.01], 0.06) == pytest.approx([0.06, 0.02, 0.02])
    assert holm_thresholds([0.04, 0.04, 0.01], 0.06) == pytest.approx([0.03, 0.03, 0.02])


def test_holm_is_met_exactly_in_spite_of_binary_fractions():
    assert 0.3 / 3 < 0.1
    assert holm_thresholds([0.1, 0.15, 0.3], 0.3) == pytest.approx([0.1, 0.15, 0.3])


# --- verdicts


def test_derived_needs_every_stratum():
    low, high = tenths(), stratum([0.95] + [0.1] * 8)
    assert decide([0.92] * 3, {"low": low}, alpha=0.1).verdict == DERIVED
    both = decide([0.92] * 3, {"low": low, "high": high}, alpha=0.1)
    assert (both.verdict, both.p_value, both.reason) == (NOT_SHOWN, pytest.approx(0.2), None)
    assert {name: result.at_least for name, result in both.strata.items()} == {"low": 0, "high": 1}


def test_the_score_is_the_mean_over_the_views():
    decision = decide([0.2, 0.3, 0.7], {"s": tenths()}, alpha=0.1)
    assert decision.score == pytest.approx(0.4)
    assert 0.2 <= decision.interval[0] < 0.4 < decision.interval[1] <= 0.7
    assert (decision.views, decision.test, decision.stopped, decision.certify) == (3, "conformal", "", False)


def test_an_interval_that_crosses_the_threshold_is_inconclusive_and_says_so():
    decision = decide([0.5, 0.99, 0.99, 1.0, 1.1], {"s": tenths()}, alpha=0.1)
    assert decision.score > 0.9 > decision.interval[0]
    assert decision.verdict == INCONCLUSIVE
    assert decision.reason.code == "views-disagree"
    assert "resampled, the score lies between 0." in decision.reason.text
    assert math.isfinite(decision.p_value)


def test_views_that_disagree_on_one_side_of_the_threshold_still_give_a_verdict():
    assert decide([1.0, 3.0, 2.0], {"s": tenths()}, alpha=0.1).verdict == DERIVED
    assert decide([-1.0, -3.0, 0.5], {"s": tenths()}, alpha=0.1).verdict == NOT_SHOWN


@pytest.mark.parametrize("views", [[NAN, 2.0, 2.0], [2.0, INF], [INF, -INF], [-INF, 2.0], []])
def test_one_view_that_is_not_finite_prevents_a_verdict(views):
    decision = decide(views, {"s": tenths()}, alpha=0.1)
    assert (decision.verdict, decision.reason.code) == (INCONCLUSIVE, "score-not-finite")
    assert math.isnan(decision.score)
    assert math.isnan(decision.p_value)
    result = decision.strata["s"]
    assert all(math.isnan(value) for value in (result.p, result.p_models, result.p_families, result.bound))
    assert (result.at_least, result.families_at_least, result.n, result.families) == (0, 0, 9, 9)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_one_calibration_score_that_is_not_finite_prevents_a_verdict(value):
    # of 99 models, one more as high would not be enough to clear the suspect
    assert decide([2.0, 2.0], {"s": stratum([2.0] + [0.0] * 98)}, alpha=0.1).verdict == DERIVED
    decision = decide([2.0, 2.0], {"other": tenths(), "s": stratum([value] + [0.0] * 98)}, alpha=0.1)
    assert (decision.verdict, decision.reason.code) == (INCONCLUSIVE, "calibration-not-finite")
    assert decision.reason.text.startswith("A calibration score of stratum 's' is not a finite number.")
    assert math.isnan(decision.p_value)


def test_misbehaviour_of_the_suspect_prevents_a_verdict_whatever_its_score():
    decision = decide([2.0, 2.0], {"s": tenths()}, alpha=0.1, behaviour=REFUSED)
    assert (decision.verdict, decision.reason) == (INCONCLUSIVE, REFUSED)
    assert math.isnan(decision.p_value)


def test_nothing_is_decided_without_strata():
    with pytest.raises(ValueError, match="at least one stratum"):
        decide([2.0], {}, alpha=0.1)


def test_equal_matching_rates_tie_in_whatever_order_the_views_stand():
    """65 of 100 labels in five views of 20: sums in another order differ in the last digit."""
    rates = [[13, 13, 13, 13, 13], [12, 14, 13, 13, 13], [20, 5, 20, 5, 15], [11, 12, 13, 14, 15]]
    scores = {mean_of_views([hits / 20 for hits in views]) for views in rates}
    assert scores == {0.65}
