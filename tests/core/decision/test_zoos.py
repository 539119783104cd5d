"""Figures over zoos: each counted alike, and what lies between them is in the interval."""

from __future__ import annotations

import numpy as np
import pytest

from fpframe.decision.beaten import Beaten, kernel
from fpframe.decision.newcombe import auc_interval, mean_auc_interval
from fpframe.decision.paired import difference_test
from fpframe.decision.zoos import area_over_zoos, difference_over_zoos, standard_deviation, with_zoos


def zoo(seed: int, *, shift: float = 1.5, derived: int = 10, independent: int = 30) -> Beaten:
    source = np.random.default_rng(seed)
    table = kernel(source.normal(shift, 1, (1, derived)), source.normal(0, 1, (1, independent)))
    return Beaten(
        kernel=table,
        positive=[f"d{number}" for number in range(derived)],
        negative=[f"i{number}" for number in range(independent)],
    )


def separated(gap: float = 1.0) -> Beaten:
    one = zoo(0)
    return Beaten(kernel=np.full_like(one.kernel, gap), positive=one.positive, negative=one.negative)


def test_zoos_count_alike_however_many_models_they_have():
    small, large = zoo(0, derived=4), zoo(1, derived=40)
    assert area_over_zoos([small, large])[0] == pytest.approx((small.area + large.area) / 2)


def test_one_zoo_has_newcombes_interval_and_its_own_test():
    one, other = zoo(0), zoo(1)
    assert area_over_zoos([one]) == (one.area, auc_interval(one.area, 10, 30))
    found = difference_over_zoos([(one, other)])
    assert found == difference_test(one.kernel, other.kernel, one.positive, one.negative)


def test_both_parts_of_the_interval_by_hand():
    # three values with a standard deviation of 0.1, and Student's 4.3027 with two degrees of freedom
    between = 4.302653 * 0.1 / np.sqrt(3)
    found = with_zoos(0.6, (0.55, 0.7), [0.5, 0.6, 0.7])
    assert found == pytest.approx((0.6 - np.hypot(0.05, between), 0.6 + np.hypot(0.1, between)), abs=1e-6)
    assert with_zoos(0.6, (0.55, 0.7), [0.6, 0.6]) == pytest.approx((0.55, 0.7))
    assert with_zoos(0.6, (0.55, 0.7), [0.6]) == (0.0, 1.0)
    assert with_zoos(0.9, (0.8, 0.95), [0.5, 1.3]) == (0.0, 1.0)
    assert standard_deviation([0.5, 0.6, 0.7]) == pytest.approx(0.1)
    assert np.isnan(standard_deviation([0.5]))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_zoos_that_agree_narrow_the_interval_and_zoos_that_differ_widen_it(count):
    one = zoo(0)
    alike = area_over_zoos([one] * count)[1]
    assert alike == pytest.approx(mean_auc_interval(one.area, [(10, 30)] * count))
    alone = area_over_zoos([one])[1]
    assert alike[1] - alike[0] < alone[1] - alone[0]
    apart = area_over_zoos([zoo(0, shift=0.2 if number % 2 else 3) for number in range(count)])[1]
    assert apart[1] - apart[0] > alone[1] - alone[0]


def test_zoos_that_all_separate_completely_are_no_certainty():
    area, (low, high) = area_over_zoos([separated()] * 3)
    assert (area, high) == (1, 1)
    assert 0.85 < low < 0.97


def test_a_zoo_with_one_family_on_a_side_says_nothing():
    short = zoo(2, derived=1)
    assert area_over_zoos([zoo(0), short])[1] == (0, 1)
    found = difference_over_zoos([(zoo(0), zoo(1)), (short, short)])
    assert (found.interval, found.p_value) == ((-1, 1), 1)


def test_a_figure_without_a_zoo_is_refused():
    with pytest.raises(ValueError, match="needs a zoo"):
        area_over_zoos([])
    with pytest.raises(ValueError, match="needs a zoo"):
        difference_over_zoos([])


def test_a_difference_over_zoos_turns_with_the_order_and_is_none_between_equals():
    pairs = [(zoo(number), zoo(number + 10, shift=0.5)) for number in range(3)]
    forth = difference_over_zoos(pairs)
    back = difference_over_zoos([pair[::-1] for pair in pairs])
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.p_value == pytest.approx(back.p_value)
    assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]))
    assert difference_over_zoos([(one, one) for one, _ in pairs]).p_value == 1


def test_a_difference_that_all_zoos_share_is_as_sure_as_the_sign_test_of_zoos():
    """Three zoos in which one method never errs and the other always guesses: no variance is left to test with."""
    pairs = [(separated(), separated(0.5))] * 3
    assert difference_over_zoos(pairs).p_value == 2**-2


@pytest.mark.parametrize("zoos", [2, 3])
def test_methods_of_equal_worth_are_told_apart_in_one_case_of_twenty_also_where_zoos_favour_one(zoos):
    """Each zoo favours one of both methods by chance; a single one would show a difference far too often."""
    source = np.random.default_rng(0)
    found, alone, rounds = 0, 0, 300
    for _ in range(rounds):
        pairs = []
        for _ in range(zoos):
            favour, common = source.normal(0, 0.7), source.normal(0, 1, 40)
            sides = [
                common + source.normal(0, 1, 40) + np.r_[np.full(10, 1.5 + s * favour), np.zeros(30)] for s in (1, -1)
            ]
            names = [[f"{side}{number}" for number in range(count)] for side, count in (("d", 10), ("i", 30))]
            pairs.append(
                tuple(
                    Beaten(kernel=kernel(each[None, :10], each[None, 10:]), positive=names[0], negative=names[1])
                    for each in sides
                )
            )
        found += difference_over_zoos(pairs).p_value <= 0.05
        alone += difference_over_zoos(pairs[:1]).p_value <= 0.05
    assert found / rounds <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / rounds)
    assert alone / rounds > 0.1
