"""Newcombe's intervals: of an area, of the mean over zoos, and of a difference."""

from __future__ import annotations

import itertools
from statistics import NormalDist

import numpy as np
import pytest

from fpframe.decision.metrics import auc
from fpframe.decision.newcombe import auc_interval, difference_interval, mean_auc_interval


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


@pytest.mark.parametrize("area", [0.0, 0.3, 0.8, 0.998, 1.0])
@pytest.mark.parametrize("counts", [(2, 2), (10, 30), (60, 60)])
def test_an_interval_holds_its_area_lies_in_0_to_1_and_turns_with_the_sides(area, counts):
    low, high = auc_interval(area, *counts)
    assert 0 <= low <= area <= high <= 1
    assert auc_interval(1 - area, *counts[::-1]) == pytest.approx((1 - high, 1 - low), abs=1e-8)


@pytest.mark.parametrize("area", [0.5, 0.8, 0.998, 1.0])
def test_more_zoos_narrow_the_interval_of_a_mean_as_more_families_do(area):
    lengths = [high - low for low, high in (mean_auc_interval(area, [(10, 30)] * zoos) for zoos in (1, 2, 3, 5, 10))]
    assert all(few > many for few, many in itertools.pairwise(lengths))
    assert mean_auc_interval(area, [(10, 30)]) == auc_interval(area, 10, 30)
    assert mean_auc_interval(area, [(10, 30), (1, 30)]) == (0.0, 1.0)


def test_the_interval_of_a_difference_by_hand():
    """Newcombe's square-and-add, and with perfect correlation what is left of the longer side."""
    one, other = (0.9, (0.8, 0.95)), (0.7, (0.5, 0.85))
    assert difference_interval(*one, *other, correlation=0) == pytest.approx(
        (0.2 - np.hypot(0.1, 0.15), 0.2 + np.hypot(0.05, 0.2))
    )
    assert difference_interval(*one, *other, correlation=1) == pytest.approx((0.2 - 0.05, 0.2 + 0.15))
    assert difference_interval(*one, *other, correlation=-1) == pytest.approx((0.2 - 0.25, 0.2 + 0.25))


@pytest.mark.parametrize("seed", range(20))
def test_a_difference_turns_its_sign_with_the_order_and_stays_within_its_bounds(seed):
    source = np.random.default_rng(seed)
    areas, r = source.uniform(0, 1, 2), source.uniform(-1, 1)
    around = [auc_interval(area, *source.integers(2, 40, 2)) for area in areas]
    low, high = difference_interval(areas[0], around[0], areas[1], around[1], correlation=r)
    assert difference_interval(areas[1], around[1], areas[0], around[0], correlation=r) == pytest.approx((-high, -low))
    assert -1 <= low <= areas[0] - areas[1] <= high <= 1
