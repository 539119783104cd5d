"""How far a score is from those of so few models that counting them shows nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fpframe.decision import gap_above


def test_the_tail_is_that_of_one_further_observation():
    scores = [0.1, 0.3, 0.2, 0.5, 0.4]
    gap = gap_above(1.0, scores)
    mean, spread = np.mean(scores), np.std(scores, ddof=1)
    assert gap.models == 5
    assert gap.deviations == pytest.approx((1.0 - mean) / spread)
    assert gap.tail == pytest.approx(stats.t.sf((1.0 - mean) / (spread * math.sqrt(1.2)), 4))


def test_the_tail_keeps_its_promise_where_scores_are_normal():
    chance = np.random.default_rng(0)
    drawn = chance.normal(size=(4_000, 6))
    tails = np.array([gap_above(float(row[0]), row[1:].tolist()).tail for row in drawn])
    for level in (0.01, 0.05, 0.2):
        assert (tails <= level).mean() == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) / len(tails)))


@pytest.mark.parametrize(("score", "deviations", "tail"), [(0.5, math.inf, 0.0), (0.2, 0.0, 0.5), (0.1, 0.0, 0.5)])
def test_models_that_score_alike_have_no_spread(score, deviations, tail):
    gap = gap_above(score, [0.2, 0.2, 0.2])
    assert (gap.deviations, gap.tail) == (deviations, tail)
