"""The sequential test: its looks by pandas and scipy, its p-values by crepes."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
from scipy.stats import zscore

from fpframe.decision import DERIVED, NOT_SHOWN, Standard, StratumScores, decide_sequentially, standard_of
from oracles.decision.conformal import expected
from oracles.decision.drawn import SEEDS, stratum_paths, view_scores

VIEWS = 6


def looks(views: np.ndarray) -> np.ndarray:
    """Return the mean of the views so far ``(n, V)`` at each look."""
    return pandas.DataFrame(views.T).expanding().mean().T.to_numpy()


def standardised(views: np.ndarray, standard: Standard) -> np.ndarray:
    """Return how many deviations each look of each model lies above what independent models have."""
    return (looks(views) - np.array(standard.means)) / np.array(standard.deviations)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_standard_makes_z_scores_of_the_running_means(seed):
    source = np.random.default_rng(seed)
    views = source.normal(size=(int(source.integers(2, 30)), VIEWS))
    assert standard_of(views)(views) == pytest.approx(zscore(looks(views), ddof=1), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_suspect_is_called_derived_at_the_first_look_at_which_crepes_p_value_reaches_the_level(seed):
    source = np.random.default_rng(seed)
    standard = standard_of(view_scores(source, 12, VIEWS))
    strata = {name: stratum_paths(source, VIEWS) for name in ("distilled", "retrained")}
    own = view_scores(source, 1, VIEWS) + source.choice([0, 1, 3])
    alpha = float(source.choice([0.1, 0.3, 0.5]))
    highest = {
        name: StratumScores(scores=tuple(standardised(paths.views, standard).max(1).tolist()), families=paths.families)
        for name, paths in strata.items()
    }
    so_far = np.maximum.accumulate(standardised(own, standard)[0])
    p = np.max([expected(so_far, stratum) for stratum in highest.values()], axis=0)
    reached = np.flatnonzero(p <= alpha * (1 + 1e-9))
    look = int(reached[0]) if len(reached) else VIEWS - 1
    found = decide_sequentially(own[0].tolist(), strata, standard, alpha=alpha, futility=False)
    assert found.verdict == (DERIVED if len(reached) else NOT_SHOWN)
    assert (found.views, found.p_value) == (look + 1, pytest.approx(p[look], abs=1e-12))
