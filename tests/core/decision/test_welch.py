"""The t-test over views: it is the textbook's, and it is not to be used."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from fpframe.base import Note
from fpframe.decision import decide
from fpframe.decision.outcome import DERIVED, INCONCLUSIVE, NOT_SHOWN
from fpframe.decision.paths import StratumPaths
from fpframe.decision.pvalues import stratum_p_value
from fpframe.decision.variance import variance_shares
from fpframe.decision.welch import decide_by_welch, welch_p_value, welch_p_values

VIEWS = 10

REFUSED = Note("refused", "It refused.")


def paths(views):
    """Return calibration models that are families of their own."""
    return StratumPaths(views=views, families=tuple(map(str, range(len(views)))))


def drawn(source, models, *, between):
    """Return view scores ``(models, V)``, where the views of one model have a deviation of 1."""
    return between * source.standard_normal((models, 1)) + source.standard_normal((models, VIEWS))


@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.5, 3.0])
@pytest.mark.parametrize("views", [2, 5, 20])
def test_the_p_value_is_that_of_scipy(views, shift):
    source = np.random.default_rng(0)
    own, others = shift + 3 * source.standard_normal(views), source.standard_normal((7, views))
    expected = ttest_ind(own, others.ravel(), equal_var=False, alternative="greater").pvalue
    assert welch_p_value(own.tolist(), paths(others)) == pytest.approx(expected, rel=1e-9)


def test_one_side_without_spread_is_still_a_test():
    others = np.random.default_rng(1).standard_normal((5, 4))
    expected = ttest_ind([1.0, 1.0 + 1e-9], others.ravel(), equal_var=False, alternative="greater").pvalue
    assert welch_p_value([1.0, 1.0], paths(others)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("own", "others"),
    [
        ([0.9, 0.9, 0.9], [[0.1, 0.1, 0.1]] * 3),  # no spread at all, up to the last digit
        ([0.0, 0.0], [[0.0, 0.0]]),
        ([0.9], [[0.1, 0.2]]),
        ([0.9, 0.8], [[0.1]]),
        ([], [[0.1, 0.2]]),
        ([0.9, math.nan], [[0.1, 0.2]]),
        ([0.9, math.inf], [[0.1, 0.2]]),
        ([0.9, 0.8], [[0.1, math.nan]]),
        ([0.9, 0.8], [[0.1, -math.inf]]),
    ],
)
def test_where_there_is_nothing_to_test_with_the_p_value_is_one(own, others):
    assert welch_p_value(own, paths(np.array(others))) == 1


def test_many_suspects_at_once_have_the_p_values_that_they_have_one_by_one():
    source = np.random.default_rng(6)
    calibration, suspects = paths(drawn(source, 9, between=1.0)), drawn(source, 5, between=1.0)
    suspects[2, 3], suspects[4] = math.nan, 0.1
    p_values = welch_p_values(suspects, calibration)
    assert p_values.tolist() == [welch_p_value(row.tolist(), calibration) for row in suspects]
    assert p_values[2] == 1 > p_values.min()


def test_a_decision_by_welch_takes_the_largest_p_value_of_all_strata():
    source = np.random.default_rng(2)
    strata = {"low": paths(drawn(source, 5, between=0)), "high": paths(0.5 + drawn(source, 5, between=0))}
    views = (0.9 + source.standard_normal(VIEWS)).tolist()
    by_stratum = {name: welch_p_value(views, each) for name, each in strata.items()}
    assert by_stratum["low"] < by_stratum["high"]
    between = (by_stratum["low"] + by_stratum["high"]) / 2
    decision = decide_by_welch(views, strata, alpha=between)
    assert (decision.verdict, decision.p_value, decision.test) == (NOT_SHOWN, by_stratum["high"], "welch")
    assert decide_by_welch(views, {"low": strata["low"]}, alpha=between).verdict == DERIVED
    assert decide_by_welch(views, strata, alpha=by_stratum["high"]).verdict == DERIVED


def test_a_decision_by_welch_counts_as_usual_and_shows_no_conformal_p_value():
    source = np.random.default_rng(3)
    strata, views = {"s": paths(drawn(source, 20, between=1.0))}, drawn(source, 1, between=1.0)[0].tolist()
    decision = decide_by_welch(views, strata, alpha=0.05)
    result, counted = decision.strata["s"], stratum_p_value(decision.score, strata["s"].scores())
    assert result.p == welch_p_value(views, strata["s"])
    assert all(math.isnan(value) for value in (result.p_models, result.p_families, result.bound))
    for name in ("n", "families", "at_least", "families_at_least", "margin"):
        assert getattr(result, name) == getattr(counted, name)
    assert decision.score == decide(views, {"s": strata["s"].scores()}, alpha=0.1).score
    assert (decision.views, decision.stopped, decision.certify) == (VIEWS, "", False)


def test_misbehaviour_of_the_suspect_prevents_a_decision_by_welch():
    decision = decide_by_welch([9.0, 9.1], {"s": paths(np.eye(9))}, alpha=0.1, behaviour=REFUSED)
    assert (decision.verdict, decision.reason, decision.test) == (INCONCLUSIVE, REFUSED, "welch")


def false_positive_rate(level, *, between, trials=1000):
    """Return how often an independent suspect has a p-value of at most `level`, and Welch's against the conformal."""
    source = np.random.default_rng(4)
    welch = conformal = 0
    for _ in range(trials):
        calibration, views = paths(drawn(source, 19, between=between)), drawn(source, 1, between=between)[0].tolist()
        welch += welch_p_value(views, calibration) <= level
        conformal += stratum_p_value(float(np.mean(views)), calibration.scores()).p <= level
    return welch / trials, conformal / trials


def test_welch_accuses_far_more_often_than_it_says_where_models_differ():
    # half of the variance lies between models, as it does for real ones (0.16 to 0.79)
    share = variance_shares(drawn(np.random.default_rng(5), 500, between=1.0)).share
    assert share == pytest.approx(0.5, abs=0.05)
    limit = 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1000)
    welch, conformal = false_positive_rate(0.05, between=1.0)
    assert welch > 3 * limit
    assert conformal <= limit
    # and a claim of 99.99 % confidence is wrong by a factor of hundreds
    assert false_positive_rate(1e-4, between=1.0)[0] > 0.02


def test_welch_would_be_right_if_views_were_independent_samples():
    welch, _ = false_positive_rate(0.05, between=0.0)
    assert welch == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 1000))
