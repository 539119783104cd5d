"""Comparing methods on the same models: closed forms, error rates by simulation, and families as the units."""

from __future__ import annotations

import numpy as np
import pytest

from fpframe.decision.beaten import Beaten, kernel
from fpframe.decision.metrics import auc
from fpframe.decision.paired import correlation, difference_test, holm


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_the_mean_of_a_kernel_is_the_auc_and_over_seeds_the_mean_of_aucs():
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(0.5, 1, (3, 7)).round(1), rng.normal(0, 1, (3, 11)).round(1)
    areas = [auc(above, below) for above, below in zip(positive, negative, strict=True)]
    assert kernel(positive, negative).mean() == pytest.approx(np.mean(areas))


def test_a_score_that_is_nan_counts_against_the_claimant_on_either_side():
    beaten = kernel(np.array([[np.nan, 1.0]]), np.array([[0.0, np.nan]]))
    assert beaten.tolist() == [[0.0, 0.0], [1.0, 0.0]]


def test_delongs_variance_by_hand():
    """Two derived and three independent models, each a family: the variances of DeLong's components, written out."""
    first = kernel(np.array([[3.0, 1.5]]), np.array([[1.0, 2.0, 0.0]]))
    second = kernel(np.array([[0.5, 3.0]]), np.array([[1.0, 2.0, 0.0]]))
    gap = first - second  # [[2/3 better, ...]]
    by_derived, by_independent = gap.mean(1), gap.mean(0)
    variance = by_derived.var(ddof=1) / 2 + by_independent.var(ddof=1) / 3
    found = difference_test(first, second, names("d", 2), names("i", 3))
    assert found.difference == pytest.approx(gap.mean())
    # one degree of freedom: Student's distribution is Cauchy's
    expected = 1 - 2 * np.arctan(abs(gap.mean()) / np.sqrt(variance)) / np.pi
    assert found.p_value == pytest.approx(expected)


def test_equal_methods_do_not_differ_and_the_order_turns_the_sign():
    rng = np.random.default_rng(1)
    scores = rng.normal(1, 1, (1, 9)), rng.normal(0, 1, (1, 14))
    other = rng.normal(0, 1, (1, 9)), rng.normal(0, 1, (1, 14))
    one, two = kernel(*scores), kernel(*other)
    units = names("d", 9), names("i", 14)
    assert difference_test(one, one, *units).p_value == 1
    forth, back = difference_test(one, two, *units), difference_test(two, one, *units)
    assert forth.difference == -back.difference
    assert forth.p_value == back.p_value
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-12)


@pytest.mark.parametrize("derived", [6, 20])
def test_methods_of_equal_worth_are_told_apart_in_one_case_of_twenty(derived):
    """Correlated scores, as those of two methods on the same models are."""
    rng = np.random.default_rng(2)
    rejected, rounds = 0, 600
    for _ in range(rounds):
        common = rng.normal(0, 1, derived + 30)
        shift = np.r_[np.full(derived, 1.0), np.zeros(30)]
        pair = [common + rng.normal(0, 1, derived + 30) + shift for _ in range(2)]
        first, second = (kernel(each[None, :derived], each[None, derived:]) for each in pair)
        rejected += difference_test(first, second, names("d", derived), names("i", 30)).p_value <= 0.05
    assert rejected / rounds <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / rounds)


def test_counting_students_as_models_of_their_own_would_find_differences_that_are_none():
    """Eight families of six models that err alike: as families rarely different, as models far too often."""
    rng = np.random.default_rng(3)
    families = [f"f{number // 6}" for number in range(48)]
    by_family, by_model, rounds = 0, 0, 300
    for _ in range(rounds):
        pair = []
        for _ in range(2):
            innocents = np.repeat(rng.normal(0, 1, 8), 6) + rng.normal(0, 0.1, 48)
            pair.append(kernel(rng.normal(1, 1, (1, 20)), innocents[None]))
        by_family += difference_test(*pair, names("d", 20), families).p_value <= 0.05
        by_model += difference_test(*pair, names("d", 20), names("i", 48)).p_value <= 0.05
    assert by_family / rounds <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / rounds)
    assert by_model / rounds > 0.15


def test_a_difference_that_all_families_share_is_as_sure_as_the_sign_test():
    always, never = np.ones((4, 9)), np.full((4, 9), 0.5)
    assert difference_test(always, never, names("d", 4), names("i", 9)).p_value == 2**-3
    found = difference_test(always, never, ["one"] * 4, names("i", 9))
    assert (found.p_value, found.interval) == (1, (-1, 1))


def test_methods_that_say_the_same_are_correlated_and_one_that_never_errs_with_nothing():
    rng = np.random.default_rng(6)
    units = names("d", 9), names("i", 14)

    def variance(table: np.ndarray) -> float:
        return Beaten(kernel=table, positive=units[0], negative=units[1]).variance()

    one, perfect = kernel(rng.normal(1, 1, (1, 9)), rng.normal(0, 1, (1, 14))), np.ones((9, 14))
    assert correlation(variance(one), variance(one), variance(one - one)) == pytest.approx(1)
    assert correlation(variance(one), variance(perfect), variance(one - perfect)) == 0
    # two that never err may still differ in other families
    low, high = difference_test(perfect, perfect, *units).interval
    assert low < -0.1
    assert high > 0.1
    alike = difference_test(one, one, *units).interval
    assert alike == pytest.approx((-alike[1], alike[1]))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
