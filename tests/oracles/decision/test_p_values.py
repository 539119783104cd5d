"""p-values that count: those of crepes for conformal prediction, and of scipy's Monte Carlo test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import monte_carlo_test

from fpframe.decision import (
    StratumScores,
    check_validity,
    leave_one_stratum_out,
    stratum_p_value,
    stratum_p_values,
)
from oracles.decision.conformal import conformal, expected, highest_of_families
from oracles.decision.drawn import SEEDS, stratum_scores, suspect_scores


@pytest.mark.parametrize("seed", SEEDS)
def test_conformal_p_values_are_those_of_crepes(seed):
    source = np.random.default_rng(seed)
    stratum = stratum_scores(source)
    suspects = suspect_scores(source, stratum)
    assert stratum_p_values(suspects, stratum) == pytest.approx(expected(suspects, stratum), abs=1e-12)
    for score in suspects:
        found = stratum_p_value(float(score), stratum)
        assert found.p_models == pytest.approx(conformal([score], stratum.scores)[0], abs=1e-12)
        assert found.p_families == pytest.approx(conformal([score], highest_of_families(stratum))[0], abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_p_value_over_models_is_that_of_scipys_monte_carlo_test(seed):
    source = np.random.default_rng(seed)
    stratum = stratum_scores(source)
    score = float(suspect_scores(source, stratum)[-1])

    def calibration(size: tuple[int, int]) -> np.ndarray:
        return np.reshape(stratum.scores, size)

    theirs = monte_carlo_test(
        np.array([score]),
        calibration,
        lambda sample, axis: sample.mean(axis),
        n_resamples=len(stratum.scores),
        alternative="greater",
        vectorized=True,
    )
    assert stratum_p_value(score, stratum).p_models == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_a_stratum_is_as_valid_with_crepes_p_values(seed):
    stratum = stratum_scores(np.random.default_rng(seed))

    def crepes_p_value(score: float, half: StratumScores) -> float:
        return float(expected([score], half)[0])

    ours = {at.level: at for at in check_validity(stratum, resplits=10, seed=seed)}
    theirs = check_validity(stratum, resplits=10, seed=seed, p_value=crepes_p_value)
    # below its floor a p-value never comes, and such a level is left out where the floor is known
    assert [at.fraction for at in theirs if at.level not in ours] == [0] * (len(theirs) - len(ours))
    assert [at for at in theirs if at.level in ours] == list(ours.values())


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("seed", range(20))
def test_as_many_models_of_a_stratum_that_is_left_out_are_hit_as_crepes_p_values_hit(seed, alpha):
    source = np.random.default_rng(seed)
    strata = {name: stratum_scores(source) for name in ("distilled", "retrained", "transferred")}
    for left in leave_one_stratum_out(strata, alpha=alpha):
        scores = strata[left.stratum].scores
        p = np.max([expected(scores, other) for name, other in strata.items() if name != left.stratum], axis=0)
        assert left.hits == np.sum(p <= alpha * (1 + 1e-9))
