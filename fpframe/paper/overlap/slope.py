"""`Slope`: a straight line through points, with Student's interval, and the correlation of ranks beside it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy.stats import linregress, spearmanr, t as student_t


@attrs.frozen(kw_only=True)
class Slope:
    """Ordinary least squares of y on x, where every point is a draw of its own.

    Attributes:
        value: growth of y per unit of x.
        interval: its 95 % interval, by Student's distribution.
        p_value: two-sided, of a slope of 0.
        intercept: y at x = 0.
        n: number of points.
        centre: mean of x.
        spread: sum of squared distances of x from its mean.
        noise: standard deviation of y around the line.
        rank: Spearman's rank correlation, which a single point far off does not turn; 0 where y never changes.
        rank_p_value: its two-sided p-value.
    """

    value: float
    interval: tuple[float, float]
    p_value: float
    intercept: float
    n: int
    centre: float
    spread: float
    noise: float
    rank: float
    rank_p_value: float

    @classmethod
    def of(cls, x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> Slope:
        """Fit a line.

        Raises:
            ValueError: there are fewer than three points, or all have the same x.
        """
        at, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if len(at) < 3 or np.ptp(at) == 0:
            raise ValueError(f"a slope with an interval needs three points or more that differ in x (got {len(at)})")
        line = linregress(at, values)
        half = _quantile(len(at)) * line.stderr
        rank = spearmanr(at, values) if np.ptp(values) > 0 else None
        spread = float(((at - at.mean()) ** 2).sum())
        return cls(
            value=float(line.slope),
            interval=(float(line.slope - half), float(line.slope + half)),
            p_value=float(line.pvalue),
            intercept=float(line.intercept),
            n=len(at),
            centre=float(at.mean()),
            spread=spread,
            noise=float(line.stderr * np.sqrt(spread)),
            rank=float(rank.statistic) if rank is not None else 0.0,
            rank_p_value=float(rank.pvalue) if rank is not None else 1.0,
        )

    @property
    def half(self) -> float:
        """Half the width of the interval: a smaller slope than this may pass for none."""
        return (self.interval[1] - self.interval[0]) / 2

    @property
    def text(self) -> str:
        """The slope with its interval and the number of points."""
        low, high = self.interval
        return f"{self.value:+.3f} [{low:+.3f}, {high:+.3f}] (n = {self.n})"

    @property
    def rank_text(self) -> str:
        """The rank correlation with its p-value."""
        return f"{self.rank:+.2f}, p = {self.rank_p_value:.2g}"

    def band(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the line at x, and the lower and upper ends of the 95 % interval of the mean there, each ``(P,)``."""
        line = self.intercept + self.value * x
        half = _quantile(self.n) * self.noise * np.sqrt(1 / self.n + (x - self.centre) ** 2 / self.spread)
        return line, line - half, line + half


def _quantile(n: int) -> float:
    return float(student_t.ppf(0.975, n - 2))
