"""Differences of correlated areas: MLstatkit's test of DeLong, and statsmodels' variance of clustered data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from MLstatkit import Delong_test
from scipy.stats import rankdata, t
from statsmodels.api import OLS

from fpframe.decision import difference_test, kernel
from oracles.decision.drawn import SEEDS, families, labelled, two_sides


def alone(models: int) -> list[str]:
    """Return a family of its own for each model."""
    return [str(number) for number in range(models)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_statistic_is_mlstatkits_where_each_model_is_a_family(seed):
    positive, negative = two_sides(seed, methods=2)
    pair = [labelled(above[0], below[0]) for above, below in zip(positive, negative, strict=True)]
    z, _, _, _, first, second, info = Delong_test(pair[0][0], pair[0][1], pair[1][1], n_boot=20, random_state=0)
    kernels = [kernel(above, below) for above, below in zip(positive, negative, strict=True)]
    found = difference_test(*kernels, alone(positive.shape[2]), alone(negative.shape[2]))
    assert found.difference == pytest.approx(first - second, abs=1e-12)
    smaller = min(positive.shape[2], negative.shape[2])
    if info["method"] != "delong" or info["var_diff"] < 1e-20:  # there is no variance to test with
        assert found.p_value == (1 if abs(first - second) < 1e-12 else 2.0 ** (1 - smaller))
    else:
        assert found.p_value == pytest.approx(2 * t.sf(abs(z), smaller - 1), rel=1e-6)


def test_the_p_value_is_mlstatkits_where_models_are_many():
    """Student's distribution with so many degrees of freedom is the normal one, but for a few parts in a hundred."""
    source = np.random.default_rng(0)
    for _ in range(6):
        common = source.normal(size=800) + np.repeat([0.5, 0.0], 400)
        first, second = common + source.normal(size=800), common + source.normal(size=800)
        expected = Delong_test(np.repeat([1, 0], 400), first, second, return_ci=False, return_auc=False)[1]
        kernels = [kernel(scores[None, :400], scores[None, 400:]) for scores in (first, second)]
        assert difference_test(*kernels, alone(400), alone(400)).p_value == pytest.approx(expected, abs=0.002)


def components(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by ranks how often each derived model wins, and each independent one loses, in the mean over rounds."""
    wins, losses = [], []
    for above, below in zip(positive, negative, strict=True):
        ranks = rankdata(np.concatenate([above, below]))
        wins.append((ranks[: len(above)] - rankdata(above)) / len(below))
        losses.append(1 - (ranks[len(above) :] - rankdata(below)) / len(above))
    return np.mean(wins, axis=0), np.mean(losses, axis=0)


def clustered_variance(values: np.ndarray, groups: tuple[str, ...]) -> float:
    """Return statsmodels' variance of a mean whose values are correlated inside groups."""
    numbers = np.unique(groups, return_inverse=True)[1]
    fitted = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": numbers})
    return float(fitted.cov_params()[0, 0])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_variance_is_statsmodels_where_models_share_families(seed):
    positive, negative = two_sides(seed, methods=2, rounds=2)
    source = np.random.default_rng(seed)
    units = families(source, positive.shape[2]), families(source, negative.shape[2])
    kernels = [kernel(above, below) for above, below in zip(positive, negative, strict=True)]
    found = difference_test(*kernels, *units)
    parts = [components(above, below) for above, below in zip(positive, negative, strict=True)]
    variance = sum(clustered_variance(one - two, side) for one, two, side in zip(*parts, units, strict=True))
    smaller = min(len(set(side)) for side in units)
    gap = abs(float(np.mean(parts[0][0] - parts[1][0])))
    assert abs(found.difference) == pytest.approx(gap, abs=1e-12)
    if variance < 1e-20:
        assert found.p_value == (1 if gap < 1e-12 else 2.0 ** (1 - smaller))
    else:
        assert found.p_value == pytest.approx(2 * t.sf(gap / math.sqrt(variance), smaller - 1), rel=1e-6)
