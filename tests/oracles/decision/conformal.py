"""The conformal p-values of crepes, with models and with families as units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas
from crepes.base import p_values_batch

from fpframe.decision import StratumScores


def conformal(suspects: Sequence[float] | np.ndarray, calibration: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return crepes' p-values, those that do not draw lots where scores tie."""
    found = p_values_batch(np.asarray(calibration), np.asarray(suspects, dtype=np.float64), smoothing=False)
    return np.asarray(found)


def highest_of_families(stratum: StratumScores) -> np.ndarray:
    """Return the highest score of each family."""
    return pandas.Series(stratum.scores).groupby(list(stratum.families)).max().to_numpy()


def expected(suspects: Sequence[float] | np.ndarray, stratum: StratumScores) -> np.ndarray:
    """Return the larger of the p-values over models and over families."""
    return np.maximum(conformal(suspects, stratum.scores), conformal(suspects, highest_of_families(stratum)))
