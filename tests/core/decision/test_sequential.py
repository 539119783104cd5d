"""View scores of many models, and a test that looks after each view: what it stops, and what it promises."""

import math

import numpy as np
import pytest

from fpframe.base import Note
from fpframe.decision import decide, sequential
from fpframe.decision.outcome import DERIVED, INCONCLUSIVE, NOT_SHOWN
from fpframe.decision.paths import StratumPaths, pooled
from fpframe.decision.pvalues import stratum_p_value
from fpframe.decision.sequential import Standard, decide_sequentially, standard_of
from fpframe.decision.welch import decide_by_welch

NAN, INF = math.nan, math.inf

VIEWS = 8
EVEN = (1.0,) * VIEWS
NOISY_START = (12.0, 8.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0)
UNIT = Standard(means=(0.0,) * VIEWS, deviations=(1.0,) * VIEWS)

REFUSED = Note("refused", "It refused.")


def drawn(source, models, *, mean=0.0, noise=EVEN, between=1.0):
    """Return view scores ``(models, V)``: a mean, an effect of the model, and noise in each view."""
    effect = between * source.standard_normal((models, 1))
    return mean + effect + np.array(noise) * source.standard_normal((models, len(noise)))


def paths(views, families=None):
    """Return calibration models; each is its own family unless families are given."""
    return StratumPaths(views=views, families=tuple(families or map(str, range(len(views)))))


def several_strata(source, noise=EVEN, gap=1.0):
    """Return calibration models of three kinds; those of 'like' are drawn like the suspects, the others lie lower."""
    families = [f"f{index % 25}" for index in range(40)]
    return {
        "like": paths(drawn(source, 19, noise=noise)),
        "lower": paths(drawn(source, 30, mean=-gap, noise=noise)),
        "related": paths(drawn(source, 40, mean=-1.5 * gap, noise=noise), families),
    }


# --- paths


def test_scores_of_paths_are_the_means_of_their_views():
    scores = paths([[1.0, 2.0], [3.0, 6.0]], "ab").scores()
    assert (scores.scores, scores.families) == ((1.5, 4.5), ("a", "b"))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("views", [3, 8, 9, 17, 130])
def test_a_suspect_with_the_views_of_a_calibration_model_ties_with_it(views, order):
    matrix = np.asarray(np.random.default_rng(0).uniform(-1, 1, (25, views)), order=order)
    stratum = paths(matrix)
    for row, score in zip(matrix, stratum.scores().scores, strict=True):
        assert decide(row.tolist(), {"s": stratum.scores()}, alpha=0.1).score == score


def test_strata_are_pooled_with_their_families():
    both = pooled({"a": paths([[1.0, 2.0]], "x"), "b": paths([[3.0, 4.0], [5.0, 6.0]], "xy")})
    assert both.views.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert both.families == ("x", "x", "y")
    with pytest.raises(ValueError, match="no strata to pool"):
        pooled({})


def test_paths_without_their_families_or_views_are_refused():
    with pytest.raises(ValueError, match="2 models but 1 families"):
        paths([[1.0], [2.0]], "a")
    with pytest.raises(ValueError, match="must have shape"):
        paths([1.0, 2.0], "ab")


# --- the standard


def test_a_standard_is_the_mean_and_deviation_of_running_means_by_hand():
    # running means: (1, 2), (3, 3), (5, 7)
    standard = standard_of(np.array([[1.0, 3.0], [3.0, 3.0], [5.0, 9.0]]))
    assert standard.means == pytest.approx((3, 4))
    assert standard.deviations == pytest.approx((2, math.sqrt(7)))
    assert standard(np.array([[7.0, 1.0]])) == pytest.approx(np.array([[2, 0]]))


def test_a_look_at_which_all_score_the_same_has_a_deviation_of_one():
    standard = standard_of(np.array([[0.1, 0.2, 0.7], [0.1, 0.4, 0.2], [0.1, 0.3, 0.4]]))
    assert standard.deviations[0] == 1
    assert standard.deviations[1] == pytest.approx(0.05)
    # 0.1 + 0.2 + 0.7, and so on: equal up to the last digit only
    assert standard_of(np.array([[0.1, 0.2, 0.7], [0.7, 0.2, 0.1], [0.2, 0.7, 0.1]])).deviations[2] == 1
    assert standard_of(np.array([[0.1, 0.9]])).deviations == (1, 1)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4,)])
def test_a_standard_needs_models_and_views(shape):
    with pytest.raises(ValueError, match="at least one model"):
        standard_of(np.zeros(shape))


def test_a_standard_has_a_deviation_for_each_mean():
    with pytest.raises(ValueError, match="2 means but 1 deviations"):
        Standard(means=(0.0, 0.0), deviations=(1.0,))


# --- looks


def test_a_sequential_decision_equals_a_computation_by_hand():
    # standardised means of the calibration models: (0, 1), (1, 0), (2, 1); the highest of all looks are 1, 1, 2
    calibration = {"s": paths([[0.0, 2.0], [1.0, -1.0], [2.0, 0.0]])}
    standard = Standard(means=(0.0, 0.0), deviations=(1.0, 1.0))
    high = decide_sequentially([3.0, 0.0], calibration, standard, alpha=0.25)
    assert (high.verdict, high.stopped, high.views, high.p_value) == (DERIVED, "derived", 1, 1 / 4)
    assert (high.score, high.test, high.strata["s"].at_least) == (3, "sequential", 0)
    # at the second look its own mean is 1.5, above all that there are, but 2 was once reached by one of the three
    middle = decide_sequentially([1.5, 1.5], calibration, standard, alpha=0.25)
    assert (middle.verdict, middle.stopped, middle.views, middle.p_value) == (NOT_SHOWN, "", 2, 2 / 4)
    # the running maximum stays at 1.5 where the mean falls to 0.5, and two of three are as high as that
    falling = decide_sequentially([1.5, -0.5], calibration, standard, alpha=0.25)
    assert (falling.verdict, falling.stopped, falling.views, falling.p_value) == (NOT_SHOWN, "futile", 2, 2 / 4)
    assert falling.score == 0.5


def test_a_tie_with_the_highest_look_of_a_calibration_model_counts_against_the_claimant():
    source = np.random.default_rng(1)
    for _ in range(20):
        views = drawn(source, 9)
        standard = standard_of(drawn(source, 5))
        highest = int(standard(views).max(axis=1).argmax())
        decision = decide_sequentially(
            views[highest].tolist(), {"s": paths(views)}, standard, alpha=0.1, futility=False
        )
        assert (decision.verdict, decision.p_value) == (NOT_SHOWN, 2 / 10)


def test_every_stratum_has_to_agree_at_the_same_look():
    low, high = paths(np.zeros((9, VIEWS))), paths(np.full((9, VIEWS), 2.0))
    views = [1.0] + [4.0] * (VIEWS - 1)
    assert decide_sequentially(views, {"low": low}, UNIT, alpha=0.1).views == 1
    both = decide_sequentially(views, {"low": low, "high": high}, UNIT, alpha=0.1)
    assert (both.verdict, both.views, both.score) == (DERIVED, 2, 2.5)


def test_views_that_were_not_asked_yet_leave_the_verdict_open():
    calibration = {"s": paths(np.array([[2.0] * VIEWS] + [[0.0] * VIEWS] * 8))}
    for count in range(1, VIEWS + 1):
        decision = decide_sequentially([1.0] * count, calibration, UNIT, alpha=0.1)
        assert (decision.verdict, decision.stopped, decision.views) == (NOT_SHOWN, "", count)
        assert all(math.isnan(end) for end in decision.interval) == (count == 1)


def test_views_one_by_one_give_the_decision_that_all_at_once_give():
    source = np.random.default_rng(2)
    standard, seen = standard_of(drawn(source, 10)), set()
    for mean in (-1.0, 0.0, 1.5, 2.5, 4.0):
        for _ in range(8):
            strata, views = several_strata(source), drawn(source, 1, mean=mean)[0].tolist()
            asked = []
            for view in views:
                asked.append(view)
                one_by_one = decide_sequentially(asked, strata, standard, alpha=0.1)
                if one_by_one.stopped:
                    break
            # NaN is not equal to itself, but reads the same
            assert repr(one_by_one) == repr(decide_sequentially(views, strata, standard, alpha=0.1))
            assert one_by_one.views == len(asked)
            seen.add((one_by_one.stopped, len(asked) == VIEWS))
    assert {("derived", False), ("futile", False), ("", True)} <= seen


def test_a_clearly_derived_suspect_stops_after_at_most_three_fifths_of_the_views():
    source = np.random.default_rng(3)
    for noise in (EVEN, NOISY_START):
        standard = standard_of(drawn(source, 10, noise=noise))
        for _ in range(20):
            strata, views = several_strata(source, noise), drawn(source, 1, mean=12.0, noise=EVEN, between=0.5)[0]
            decision = decide_sequentially(views.tolist(), strata, standard, alpha=0.1)
            assert (decision.verdict, decision.stopped) == (DERIVED, "derived")
            assert decision.views <= 0.6 * VIEWS


def test_futility_stops_innocents_early_and_never_accuses():
    source = np.random.default_rng(4)
    standard, views_of_innocents, lost = standard_of(drawn(source, 10)), [], 0
    for number in range(300):
        mean = 0.0 if number < 200 else 2.0
        strata, views = several_strata(source), drawn(source, 1, mean=mean)[0].tolist()
        stopping = decide_sequentially(views, strata, standard, alpha=0.1)
        patient = decide_sequentially(views, strata, standard, alpha=0.1, futility=False)
        assert patient.stopped != "futile"
        if stopping.verdict == DERIVED:
            assert repr(stopping) == repr(patient)
        if stopping.stopped == "futile":
            assert (stopping.verdict, stopping.reason) == (NOT_SHOWN, None)
        if number < 200:
            views_of_innocents.append(stopping.views)
        lost += patient.verdict == DERIVED != stopping.verdict
    assert np.median(views_of_innocents) <= VIEWS / 2
    assert lost < 15  # it costs some power, and not much


def test_futility_never_stops_at_the_first_look():
    views = [-5.0] + [3.0] * (VIEWS - 1)
    strata = {"s": paths(np.zeros((9, VIEWS)))}
    assert decide_sequentially(views[:1], strata, UNIT, alpha=0.1).stopped == ""
    assert decide_sequentially(views[:2], strata, UNIT, alpha=0.1).stopped == "futile"


def test_futility_takes_half_of_the_models_in_one_stratum_and_a_tie_is_one_of_them():
    def stopped(as_high):
        near = np.full((10, VIEWS), -1.0)
        near[:as_high] = 0.0
        far = paths(np.full((10, VIEWS), -2.0))
        # one look of 9 keeps the suspect from being derived
        near[0] = [9.0, -9.0, *[0.0] * (VIEWS - 2)]
        return decide_sequentially([0.0, 0.0], {"far": far, "near": paths(near)}, UNIT, alpha=0.1).stopped

    assert (stopped(4), stopped(5)) == ("", "futile")


# --- what it promises

NULLS = 1000


FAR = 50.0  # strata so much lower never decide: the level is met exactly, and nothing hides behind them


def rate_of_derived(noise, *, gap, futility=True, standard=None, alpha=0.1, seed=5):
    """Return how often an independent suspect is called derived, with new calibration models each time."""
    source, accused = np.random.default_rng(seed), 0
    standard = standard or standard_of(drawn(source, 12, noise=noise))
    for _ in range(NULLS):
        strata, views = several_strata(source, noise, gap), drawn(source, 1, noise=noise)[0].tolist()
        decision = decide_sequentially(views, strata, standard, alpha=alpha, futility=futility)
        accused += decision.verdict == DERIVED
    return accused / NULLS


def limit(alpha=0.1):
    """Return alpha and four standard errors."""
    return alpha + 4 * math.sqrt(alpha * (1 - alpha) / NULLS)


@pytest.mark.parametrize("gap", [1.0, FAR])
@pytest.mark.parametrize("noise", [EVEN, NOISY_START], ids=["even", "noisy start"])
def test_looking_after_each_view_accuses_no_more_often_than_alpha(noise, gap):
    assert 0.01 < rate_of_derived(noise, gap=gap) <= limit()


@pytest.mark.slow
@pytest.mark.parametrize("noise", [EVEN, NOISY_START], ids=["even", "noisy start"])
def test_without_futility_an_innocent_is_accused_exactly_as_often_as_alpha_allows(noise):
    assert 0.2 - limit() <= rate_of_derived(noise, gap=FAR, futility=False) <= limit()


def test_a_certified_sequential_verdict_accuses_far_less_often_than_alpha():
    source, accused = np.random.default_rng(6), 0
    standard = standard_of(drawn(source, 12))
    for _ in range(NULLS):
        strata, views = {"like": paths(drawn(source, 29))}, drawn(source, 1)[0].tolist()
        accused += decide_sequentially(views, strata, standard, alpha=0.1, certify=True).verdict == DERIVED
    # it takes a suspect above all 29: a chance of 1/30
    assert 0 < accused / NULLS <= 1 / 30 + 4 * math.sqrt(1 / 30 * 29 / 30 / NULLS)


def test_a_standard_that_fits_badly_accuses_no_more_often_either():
    # all looks are measured alike, so the first, which spread most, decide nearly alone
    assert 0.01 < rate_of_derived(NOISY_START, gap=FAR, standard=UNIT) <= limit()


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "standard"), [(EVEN, None), (NOISY_START, UNIT)], ids=["even", "noisy start"])
def test_comparing_with_final_scores_instead_of_the_highest_looks_would_break_the_promise(monkeypatch, noise, standard):
    monkeypatch.setattr(sequential, "_highest", lambda marks: marks[:, -1])
    assert rate_of_derived(noise, gap=FAR, standard=standard) > 1.5 * limit()


@pytest.mark.slow
def test_an_ordinary_decision_at_each_look_would_break_the_promise():
    source, accused = np.random.default_rng(7), 0
    for _ in range(NULLS):
        calibration, views = drawn(source, 19, between=0.3), drawn(source, 1, between=0.3)[0]
        p_values = [
            stratum_p_value(float(views[:look].mean()), paths(calibration[:, :look]).scores()).p
            for look in range(1, VIEWS + 1)
        ]
        accused += min(p_values) <= 0.1
    assert accused / NULLS > 1.2 * limit()


# --- certainty, and what prevents a verdict


@pytest.mark.parametrize(("models", "verdict"), [(58, NOT_SHOWN), (59, DERIVED)])
def test_certifying_holds_the_bound_to_alpha(models, verdict):
    strata = {"s": paths(np.zeros((models, VIEWS)))}
    decision = decide_sequentially([1.0] * VIEWS, strata, UNIT, alpha=0.05, certify=True)
    assert (decision.verdict, decision.certify) == (verdict, True)
    assert decide_sequentially([1.0] * VIEWS, strata, UNIT, alpha=0.05).verdict == DERIVED


DECIDERS = {
    "conformal": lambda views, strata: decide(views, {name: each.scores() for name, each in strata.items()}, alpha=0.1),
    "sequential": lambda views, strata: decide_sequentially(views, strata, UNIT, alpha=0.1),
    "welch": lambda views, strata: decide_by_welch(views, strata, alpha=0.1),
}


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("test", DECIDERS)
def test_one_value_that_is_not_finite_anywhere_never_gives_derived(test, value):
    # of 99 models, one more as high would not be enough to clear the suspect
    source = np.random.default_rng(8)
    suspect = (10 + source.standard_normal(VIEWS)).tolist()
    calibration = {"a": drawn(source, 99), "b": drawn(source, 99)}

    def decision(views, scores):
        return DECIDERS[test](views, {name: paths(each) for name, each in scores.items()})

    assert decision(suspect, calibration).verdict == DERIVED
    for view in range(VIEWS):
        broken = [*suspect[:view], value, *suspect[view + 1 :]]
        found = decision(broken, calibration)
        assert (found.verdict, found.reason.code, found.test) == (INCONCLUSIVE, "score-not-finite", test)
        assert math.isnan(found.score)
        assert math.isnan(found.p_value)
        scores = calibration["b"].copy()
        scores[view * 7, view] = value
        found = decision(suspect, {**calibration, "b": scores})
        assert found.verdict == INCONCLUSIVE
        assert found.reason.code == "calibration-not-finite"
        assert "stratum 'b'" in found.reason.text
        assert all(math.isnan(result.p) and result.at_least == 0 for result in found.strata.values())


@pytest.mark.parametrize("test", DECIDERS)
def test_infinities_of_both_signs_in_one_model_prevent_a_verdict_without_a_warning(test):
    views = np.zeros((99, VIEWS))
    views[3, :2] = INF, -INF
    assert DECIDERS[test]([1.0] * VIEWS, {"s": paths(views)}).verdict == INCONCLUSIVE


@pytest.mark.parametrize(
    "standard",
    [
        Standard(means=(0.0,) * (VIEWS - 1) + (NAN,), deviations=(1.0,) * VIEWS),
        Standard(means=(0.0,) * VIEWS, deviations=(1.0,) * (VIEWS - 1) + (0.0,)),
        Standard(means=(0.0,) * VIEWS, deviations=(1.0,) * (VIEWS - 1) + (NAN,)),
    ],
)
def test_a_standard_that_is_broken_prevents_a_verdict(standard):
    strata = {"s": paths(np.zeros((99, VIEWS)))}
    assert decide_sequentially([1.0], strata, UNIT, alpha=0.1).verdict == DERIVED
    assert decide_sequentially([1.0], strata, standard, alpha=0.1).verdict == INCONCLUSIVE


def test_misbehaviour_of_the_suspect_prevents_a_sequential_verdict_whatever_its_score():
    strata = {"s": paths(np.zeros((9, VIEWS)))}
    for views in ([1.0] * VIEWS, []):
        decision = decide_sequentially(views, strata, UNIT, alpha=0.1, behaviour=REFUSED)
        assert (decision.verdict, decision.reason, decision.stopped) == (INCONCLUSIVE, REFUSED, "")
        assert math.isnan(decision.strata["s"].bound)


def test_no_views_give_no_sequential_verdict():
    decision = decide_sequentially([], {"s": paths(np.zeros((9, VIEWS)))}, UNIT, alpha=0.1)
    assert (decision.verdict, decision.reason.code, decision.views) == (INCONCLUSIVE, "score-not-finite", 0)


def test_calibration_standard_and_suspect_need_the_same_views():
    fitting, short = paths(np.zeros((9, VIEWS))), paths(np.zeros((9, VIEWS - 1)))
    for views, strata in (([1.0], {"a": fitting, "b": short}), ([1.0] * (VIEWS + 1), {"a": fitting})):
        with pytest.raises(ValueError, match="a standard of 8 looks"):
            decide_sequentially(views, strata, UNIT, alpha=0.1)


@pytest.mark.parametrize("test", DECIDERS)
def test_no_test_decides_without_strata(test):
    with pytest.raises(ValueError, match="at least one stratum"):
        DECIDERS[test]([1.0], {})
