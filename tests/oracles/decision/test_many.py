"""Who passes among many suspects, against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from fpframe.decision import levels_of_many, reach
from oracles.decision.drawn import SEEDS

METHODS = [("holm", "holm"), ("benjamini-hochberg", "fdr_bh")]


@pytest.mark.parametrize(("sharing", "method"), METHODS, ids=["holm", "benjamini-hochberg"])
@pytest.mark.parametrize("seed", SEEDS)
def test_who_passes_is_who_passes_by_statsmodels(sharing, method, seed):
    source = np.random.default_rng(seed)
    # many equal ones, as ranks of a few models make them; no power of two, so that none lies on a level exactly
    p_values = source.integers(1, 60, 300) / 613 * source.choice([0.01, 1.0], 300)
    values, place, counts = np.unique(p_values, return_inverse=True, return_counts=True)
    for alpha in (0.01, 0.05, 0.1):
        levels = levels_of_many(values, counts, alpha, sharing)[place]
        expected = multipletests(p_values, alpha=alpha, method=method)[0]
        assert reach(p_values, levels).tolist() == expected.tolist()
