"""Who is clearly less able, and what a verdict makes of calibration models that are less able than the suspect."""

import math

import attrs
import numpy as np
import pytest
from scipy.stats import binomtest

from fpframe.decision.ability import FOR_SUSPECTS, STANDARD_ERRORS, clearly_less_able, resolution
from fpframe.decision.paths import StratumPaths
from fpframe.decision.pvalues import StratumScores, stratum_p_value, upper_bound
from fpframe.decision.sequential import decide_sequentially, standard_of


def images(both: int, model_only: int, other_only: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which images a model and another one get right."""
    pairs = [(1, 1)] * both + [(1, 0)] * model_only + [(0, 1)] * other_only + [(0, 0)] * neither
    right = np.array(pairs, dtype=bool).reshape(-1, 2)
    return right[:, :1].T, right[:, 1]


@pytest.mark.parametrize(
    ("model_only", "other_only", "less"),
    [(0, 0, False), (0, 3, False), (0, 4, True), (4, 12, True), (5, 12, False), (12, 4, False), (40, 60, True)],
)
def test_two_standard_errors_of_the_images_on_which_two_models_differ_decide(model_only, other_only, less):
    for both, neither in ((0, 0), (250, 3), (3, 250)):  # where they agree, nothing follows
        right, other = images(both, model_only, other_only, neither)
        assert clearly_less_able(right, other).tolist() == [less]


def test_it_takes_a_difference_for_clear_about_as_the_exact_test_does():
    for differing in range(4, 200):
        for missed in range(differing // 2 + 1, differing + 1):
            right, other = images(0, differing - missed, missed, 0)
            exact = binomtest(missed, differing, alternative="greater").pvalue
            if clearly_less_able(right, other)[0]:
                assert exact < 0.07
            else:
                assert exact > 0.0227 or missed - (differing - missed) < STANDARD_ERRORS * math.sqrt(differing)


def test_among_equally_able_models_about_one_in_forty_is_called_less_able():
    source = np.random.default_rng(0)
    right = source.random((4000, 300)) < 0.85
    other = source.random(300) < 0.85
    less = np.mean([clearly_less_able(right[i : i + 1], source.random(300) < 0.85)[0] for i in range(len(right))])
    assert less < 0.04
    assert clearly_less_able(right, other).shape == (4000,)


def test_a_suspect_is_compared_with_many_models_and_needs_three_standard_errors():
    right, other = images(200, 4, 12, 84)
    assert clearly_less_able(right, other).tolist() == [True]
    assert clearly_less_able(right, other, errors=FOR_SUSPECTS).tolist() == [False]
    right, other = images(200, 4, 20, 76)
    assert clearly_less_able(right, other, errors=FOR_SUSPECTS).tolist() == [True]


def test_images_that_are_not_the_same_are_refused():
    with pytest.raises(ValueError, match=r"expected \(M, N\) and \(N,\), got \(1, 3\) and \(4,\)"):
        clearly_less_able(np.ones((1, 3)), np.ones(4))


def test_three_hundred_images_tell_about_four_points_apart_where_models_differ_on_a_tenth():
    assert resolution(300, 0.1) == pytest.approx(0.0365, abs=1e-4)
    assert resolution(500, 0.1) < resolution(300, 0.1)


# --- what it does to a p-value


def drawn(source: np.random.Generator) -> tuple[float, StratumScores, tuple[bool, ...]]:
    count = int(source.integers(1, 30))
    scores = tuple(source.normal(size=count).round(1).tolist())
    families = tuple(str(source.integers(0, count)) for _ in range(count))
    less = tuple((source.random(count) < source.random()).tolist())
    return round(float(source.normal()), 1), StratumScores(scores=scores, families=families), less


def test_less_able_models_only_raise_p_bound_and_floor_and_their_scores_do_not_matter():
    """1000 drawn cases: the chance to be accused falls, so that it stays at most alpha."""
    source = np.random.default_rng(0)
    for _ in range(1000):
        score, plain, less = drawn(source)
        held = attrs.evolve(plain, less_able=less)
        before, after = stratum_p_value(score, plain), stratum_p_value(score, held)
        assert after.p >= before.p
        assert after.p_models >= before.p_models
        assert after.p_families >= before.p_families
        assert after.bound >= before.bound
        assert after.floor == held.floor >= plain.floor
        assert after.p >= after.floor or math.isclose(after.p, after.floor)
        assert (after.less_able, before.less_able) == (sum(less), 0)
        assert after.at_least == sum(s >= score or out for s, out in zip(plain.scores, less, strict=True))
        moved = tuple(-9.0 if out else s for s, out in zip(plain.scores, less, strict=True))
        assert stratum_p_value(score, attrs.evolve(held, scores=moved)).p == after.p


def test_the_floor_is_the_p_value_above_all_models():
    held = StratumScores(
        scores=(0.1, 0.2, 0.3, 0.4), families=("a", "a", "b", "c"), less_able=(True, False, True, False)
    )
    best = stratum_p_value(math.inf, held)
    assert (best.p_models, best.p_families) == (3 / 5, 3 / 4)
    assert held.floor == best.p == 3 / 4
    assert best.bound == max(upper_bound(2, 4), upper_bound(2, 3))


def test_abilities_of_other_models_are_refused():
    with pytest.raises(ValueError, match="2 scores but 1 abilities"):
        StratumScores(scores=(0.1, 0.2), families=("a", "b"), less_able=(True,))


def test_a_sequential_test_counts_less_able_models_at_every_look():
    source = np.random.default_rng(1)
    views = source.normal(0, 0.1, (19, 5))
    standard = standard_of(source.normal(0, 0.1, (20, 5)))
    paths = StratumPaths(views=views, families=tuple(map(str, range(19))))
    held = attrs.evolve(paths, less_able=(True, *[False] * 18))
    own = [3.0] * 5
    assert decide_sequentially(own, {"s": paths}, standard, alpha=0.05).verdict == "DERIVED"
    decision = decide_sequentially(own, {"s": held}, standard, alpha=0.05)
    assert (decision.verdict, decision.p_value) == ("NOT_SHOWN", 0.1)
