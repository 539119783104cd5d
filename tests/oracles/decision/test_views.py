"""Tests over views, and how they vary: scipy's and statsmodels'."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f_oneway, ttest_ind
from statsmodels.api import MixedLM
from statsmodels.stats.weightstats import ttest_ind as statsmodels_ttest_ind

from fpframe.decision import variance_shares, welch_p_value, welch_p_values
from oracles.decision.drawn import SEEDS, stratum_paths, view_scores


@pytest.mark.filterwarnings("ignore:Precision loss occurred:RuntimeWarning")  # scipy's, of equal scores
@pytest.mark.parametrize("seed", SEEDS)
def test_welchs_p_values_are_scipys_and_statsmodels(seed):
    source = np.random.default_rng(seed)
    views = int(source.integers(2, 12))
    stratum, suspects = stratum_paths(source, views), view_scores(source, 8, views)
    others = stratum.views.ravel()
    found = welch_p_values(suspects, stratum)
    for own, p in zip(suspects, found, strict=True):
        assert welch_p_value(own.tolist(), stratum) == p
        if np.ptp(own) == np.ptp(others) == 0:
            assert p == 1  # there is nothing to test with
            continue
        assert p == pytest.approx(ttest_ind(own, others, equal_var=False, alternative="greater").pvalue, rel=1e-9)
        assert p == pytest.approx(statsmodels_ttest_ind(own, others, alternative="larger", usevar="unequal")[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_f_statistic_of_view_scores_is_scipys(seed):
    source = np.random.default_rng(seed)
    views = view_scores(source, int(source.integers(2, 40)), int(source.integers(2, 12)))
    shares = variance_shares(views)
    if shares.within:
        assert shares.f == pytest.approx(f_oneway(*views).statistic, rel=1e-9)
    else:
        assert np.ptp(views, axis=1).max() == 0


@pytest.mark.parametrize("seed", range(10))
def test_the_variances_are_those_of_statsmodels_mixed_model(seed):
    """With equally many views of each model the estimator of moments is that of restricted likelihood."""
    source = np.random.default_rng(seed)
    views = 2 * source.normal(size=(30, 1)) + source.normal(size=(30, 6))
    fitted = MixedLM(views.ravel(), np.ones(views.size), np.repeat(np.arange(30), 6)).fit(reml=True)
    shares = variance_shares(views)
    assert shares.between == pytest.approx(float(fitted.cov_re[0, 0]), rel=1e-3)
    assert shares.within == pytest.approx(float(fitted.scale), rel=1e-3)
