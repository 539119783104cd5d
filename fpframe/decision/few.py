"""What a score says beside so few independent models that no count of them can reach a level."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from scipy.stats import t as students_t

#: Models without which there is no spread.
LEAST = 3
#: Equal scores differ by so much in the last digits of a mean.
_NO_SPREAD = 1e-12


@attrs.frozen(kw_only=True)
class Gap:
    """How far a score is from those of a few models.

    Attributes:
        models: how many models.
        deviations: by how many standard deviations it is above their mean.
        tail: the chance that a further model scores as high, if their scores were normally distributed: of Student's
            distribution, for mean and deviation are of the same few models. It is an assumption, and no count.
    """

    models: int
    deviations: float
    tail: float


def gap_above(score: float, scores: Sequence[float]) -> Gap:
    """Return how far a score is above those of at least `LEAST` models, all on a scale on which they may be normal.

    Source: the prediction interval for one further observation, as in Hahn and Meeker, "Statistical Intervals" (Wiley,
    1991), chapter 4.
    """
    values = np.asarray(scores, dtype=np.float64)
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread <= _NO_SPREAD * max(1.0, abs(mean)):
        above = score - mean > _NO_SPREAD * max(1.0, abs(mean))
        return Gap(models=len(values), deviations=math.inf if above else 0.0, tail=0.0 if above else 0.5)
    deviations = (score - mean) / spread
    tail = float(students_t.sf(deviations / math.sqrt(1 + 1 / len(values)), len(values) - 1))
    return Gap(models=len(values), deviations=deviations, tail=tail)
