"""Several suspects, or several comparisons: statsmodels' step-down procedure of Holm."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from fpframe.decision import DERIVED, decide, decide_together, holm, holm_thresholds
from oracles.decision.conformal import expected
from oracles.decision.drawn import stratum_scores, suspect_scores


@pytest.fixture(params=range(30))  # each call of statsmodels collects garbage, and takes long
def p_values(request) -> list[float]:
    """p-values of one suspect or many; in half of the cases those that a small stratum can give, so that many tie."""
    source = np.random.default_rng(request.param)
    count = int(source.integers(1, 12))
    if request.param % 2:
        return (source.uniform(size=count) ** 3).tolist()
    return (source.integers(1, 20, count) / int(source.choice([20, 60, 100]))).tolist()


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_suspects_pass_at_their_levels_where_statsmodels_rejects(p_values, alpha):
    levels = holm_thresholds(p_values, alpha)
    # with this slack, which is ours too, a p-value that equals its level is not a matter of rounding
    slack = 1 + 1e-9
    rejected = multipletests(p_values, alpha=alpha * slack, method="holm")[0]
    assert [p <= level * slack for p, level in zip(p_values, levels, strict=True)] == rejected.tolist()


def test_adjusted_p_values_are_those_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


@pytest.mark.parametrize("alpha", [0.1, 0.3])
@pytest.mark.parametrize("seed", range(15))
def test_suspects_that_are_decided_together_are_derived_where_statsmodels_rejects_crepes_p_values(seed, alpha):
    source = np.random.default_rng(seed)
    strata = {name: stratum_scores(source) for name in ("distilled", "retrained")}
    # high ones too, for Holm's procedure to have something to step down from
    scores = np.concatenate([suspect_scores(source, strata["distilled"])[-4:], source.uniform(2, 6, 3)])
    found = decide_together(
        [lambda level, score=score: decide([score], strata, alpha=level) for score in scores.tolist()], alpha=alpha
    )
    p = np.max([expected(scores, stratum) for stratum in strata.values()], axis=0)
    rejected = multipletests(p, alpha=alpha * (1 + 1e-9), method="holm")[0]
    assert [decision.verdict == DERIVED for decision in found] == rejected.tolist()
