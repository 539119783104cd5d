"""Do p-values keep their promise? By simulation, and with wrong ones planted."""

import math

import attrs
import numpy as np
import pytest

from fpframe.decision.metrics import clopper_pearson
from fpframe.decision.pvalues import StratumScores, stratum_p_value
from fpframe.decision.validity import check_validity, leave_one_stratum_out


def stratum(scores, families=None):
    """Return calibration scores; each model is its own family unless families are given."""
    return StratumScores(scores=tuple(scores), families=tuple(families or map(str, range(len(scores)))))


# --- fresh models

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


def test_the_largest_p_over_like_strata_accuses_far_less_often_than_the_level_allows():
    """What the maximum costs: above all models of six strata of nine is one suspect in 55, at a level of one in ten."""
    source, accused = np.random.default_rng(6), 0
    for scores in source.standard_normal((TRIALS, 6 * 9 + 1)):
        strata = scores[:-1].reshape(6, 9)
        accused += max(stratum_p_value(scores[-1], stratum(each)).p for each in strata) <= 0.1
    assert accused / TRIALS == pytest.approx(1 / 55, abs=4 * math.sqrt(1 / 55 / TRIALS))


def test_p_values_keep_their_promise_under_strong_family_effects_when_families_are_declared():
    rates, limits = false_positive_rates(families=4, models=8, spread=5.0, declared=True)
    assert all(rate <= limit for rate, limit in zip(rates, limits, strict=True))
    assert rates[-1] > 0.3


def test_p_values_break_their_promise_under_strong_family_effects_when_families_are_hidden():
    rates, limits = false_positive_rates(families=4, models=8, spread=5.0, declared=False)
    assert rates[0] > 1.3 * limits[0]


# --- re-splits of known models

STRONG = 5.0
MIXED = (1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 8)
FEW = (8, 8, 8, 8)


def pool(sizes, *, seed, spread=STRONG):
    """Return scores of families of these sizes; `spread` is the deviation between families, where that within is 1."""
    source = np.random.default_rng(seed)
    names = [f"f{index:02}" for index, size in enumerate(sizes) for _ in range(size)]
    scores = np.repeat(spread * source.standard_normal(len(sizes)), sizes) + source.standard_normal(len(names))
    return stratum(scores.tolist(), names)


def by_models_alone(score, calibration):
    """A wrong p-value: it takes models of one family for independent."""
    return stratum_p_value(score, calibration).p_models


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [MIXED, FEW, (1,) * 40], ids=["mixed", "few", "single"])
def test_p_values_keep_their_promise_over_re_splits_of_strong_families(sizes, seed):
    found = check_validity(pool(sizes, seed=seed), levels=(0.05, 0.1, 0.2, 1 / 3, 0.5, 0.7), seed=seed)
    assert len(found) >= 3
    assert all(at.resplits == 1000 for at in found)
    assert all(at.fraction <= at.level + 4 * at.standard_error for at in found)
    assert all(at.holds for at in found)
    # p-values that are merely large would hold as well
    assert found[-1].fraction > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [MIXED, FEW], ids=["mixed", "few"])
def test_a_p_value_that_takes_models_for_the_unit_breaks_its_promise_over_re_splits(sizes, seed):
    found = check_validity(pool(sizes, seed=seed), seed=seed, p_value=by_models_alone)
    assert [at.level for at in found] == [0.05, 0.1, 0.2, 0.5]
    assert not all(at.holds for at in found)


def test_a_p_value_that_forgets_to_count_the_suspect_breaks_its_promise():
    def without_the_suspect(score, calibration):
        return sum(value >= score for value in calibration.scores) / len(calibration.scores)

    found = check_validity(pool((1,) * 20, seed=0), p_value=without_the_suspect)
    assert not all(at.holds for at in found)


def test_the_same_p_value_is_found_as_wrong_or_right_by_either_way_of_calling_it():
    scores = pool(MIXED, seed=0)
    levels = (0.2, 0.5)
    one_by_one = check_validity(
        scores, levels=levels, resplits=100, p_value=lambda score, half: stratum_p_value(score, half).p
    )
    assert one_by_one == check_validity(scores, levels=levels, resplits=100)


def test_the_fraction_over_re_splits_equals_that_over_all_splits_by_hand():
    # two of three families calibrate: the lowest has p = 1, the middle 2/3, the highest 1/3
    found = check_validity(stratum([1.0, 2.0, 3.0]), levels=(0.3, 0.34, 0.5, 0.7), resplits=4000)
    assert [at.level for at in found] == [0.34, 0.5, 0.7]
    assert [at.fraction for at in found] == pytest.approx([1 / 3, 1 / 3, 2 / 3], abs=0.03)
    assert found[0].standard_error == pytest.approx(math.sqrt(2 / 9 / 4000), rel=0.05)
    assert found[0].calibrating == 2


def test_levels_that_the_calibrating_half_cannot_reach_are_left_out():
    # nineteen of 38 families allow 0.05, eighteen of 36 do not
    assert [at.level for at in check_validity(stratum(range(38)), resplits=10)] == [0.05, 0.1, 0.2, 0.5]
    assert [at.level for at in check_validity(stratum(range(36)), resplits=10)] == [0.1, 0.2, 0.5]


def test_one_large_family_that_scores_highest_is_no_violation():
    # weighted by its eight models it would be one: more than 0.4 of the suspects
    lucky = stratum([10.0 + i / 10 for i in range(8)] + [1.0, 2.0, 3.0, 4.0, 5.0], "aaaaaaaabcdef")
    [at] = check_validity(lucky, levels=(0.25,), resplits=4000)
    assert at.holds
    assert at.fraction == pytest.approx(0.25, abs=0.03)


def test_re_splits_are_seeded():
    scores = pool(MIXED, seed=0)
    again = [check_validity(scores, resplits=50, seed=seed) for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]


def test_a_single_family_cannot_be_divided():
    assert check_validity(stratum([1.0, 2.0], "aa")) == ()


def test_equal_scores_have_no_small_p_value():
    found = check_validity(stratum([0.5] * 40), resplits=20)
    assert [(at.fraction, at.standard_error, at.holds) for at in found] == [(0, 0, True)] * 4


# --- a kind of innocent that nobody calibrated


def test_the_models_of_a_stratum_that_is_left_out_are_judged_by_the_others_alone():
    strata = {
        "low": stratum([1.0, 2.0, 3.0]),
        "high": stratum([2.5, 10.0, 11.0, 2.0], ["x", "y", "y", "x"]),
        "none": stratum([0.0, 0.0, 0.0]),
    }
    found = {each.stratum: each for each in leave_one_stratum_out(strata, alpha=0.25)}
    # 10 and 11 stand out from three models of each other kind, p = 1/4; 2.5 does not: 3 is above it
    high = found["high"]
    assert (high.hits, high.n, high.families_hit, high.families) == (2, 4, 1, 2)
    assert high.interval == clopper_pearson(1, 2)
    assert (found["low"].hits, found["none"].hits) == (0, 0)
    assert found["low"].interval == clopper_pearson(0, 3)
    # below the floor nothing stands out
    assert all(each.hits == 0 for each in leave_one_stratum_out(strata, alpha=0.2))


def test_a_stratum_that_is_left_out_stands_in_every_other_that_is_judged():
    strata = {"a": stratum([0.0] * 9), "b": stratum([1.0] * 9)}
    a, b = leave_one_stratum_out(strata, alpha=0.1)
    assert (a.hits, b.hits) == (0, 9)
    strata["c"] = stratum([1.0] * 9)
    assert [each.hits for each in leave_one_stratum_out(strata, alpha=0.1)] == [0, 0, 0]


def test_a_model_without_a_score_is_never_a_hit():
    strata = {"a": stratum([0.0] * 9), "b": stratum([math.nan, 1.0])}
    assert [attrs.astuple(each)[1:3] for each in leave_one_stratum_out(strata, alpha=0.1)] == [(0, 9), (1, 2)]


def test_one_stratum_alone_cannot_be_left_out():
    with pytest.raises(ValueError, match="at least two strata"):
        leave_one_stratum_out({"a": stratum([0.0])}, alpha=0.1)
