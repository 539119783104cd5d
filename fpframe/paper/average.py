"""`Average`: a mean over models, with an interval in which the family is the unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np

_DRAWS = 2000


@attrs.frozen(kw_only=True)
class Average:
    """A mean over models.

    Attributes:
        value: the mean.
        interval: its 95 % interval, by drawing families with replacement; NaN where there is one family.
        n: number of models.
        families: number of families.
    """

    value: float
    interval: tuple[float, float]
    n: int
    families: int

    @classmethod
    def of(cls, values: np.ndarray, families: Sequence[str], *, seed: int = 0) -> Average:
        """Return the mean of one value for each model.

        Raises:
            ValueError: there are no models.
        """
        if not len(values):
            raise ValueError("a mean needs models")
        names, member = np.unique(np.asarray(families), return_inverse=True)
        sums, sizes = np.bincount(member, weights=values), np.bincount(member)
        even = np.full(len(names), 1 / len(names))
        times = np.random.default_rng(seed).multinomial(len(names), even, size=_DRAWS)
        low, high = np.quantile((times @ sums) / (times @ sizes), (0.025, 0.975))
        known = len(names) > 1
        return cls(
            value=float(np.mean(values)),
            interval=(float(low), float(high)) if known else (math.nan, math.nan),
            n=len(values),
            families=len(names),
        )

    @property
    def text(self) -> str:
        """The mean with its interval and the number of models."""
        low, high = self.interval
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] (n = {self.n})"
