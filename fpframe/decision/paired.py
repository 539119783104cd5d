"""Compare methods on the same models of one zoo: tests of differences of areas, and their intervals.

All of it works on a `kernel`. Families are the units, for models of one family err together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from scipy.stats import t as student_t

from fpframe.decision.beaten import Beaten
from fpframe.decision.newcombe import auc_interval, difference_interval


@attrs.frozen(kw_only=True)
class AreaTest:
    """A difference between two areas.

    Attributes:
        difference: the first AUC less the second.
        interval: 95 % interval of the difference, by Newcombe's method over families. It is wider than the test needs,
            for it holds large differences too, and so it may hold 0 where the p-value is small.
        p_value: two-sided, by the test of `difference_test`.
    """

    difference: float
    interval: tuple[float, float]
    p_value: float


def difference_test(
    first: np.ndarray, second: np.ndarray, positive: Sequence[str], negative: Sequence[str]
) -> AreaTest:
    """Test whether two methods have the same AUC on the same models of one zoo.

    The test of DeLong et al. (Biometrics, 1988) for correlated areas, with clusters after Obuchowski (Biometrics,
    1997), and Student's distribution with as many degrees of freedom as the side with fewer families has, less one:
    with six thefts the normal distribution would find differences that are none.

    Args:
        first: kernel ``(P, N)`` of one method.
        second: that of the other, for the same models in the same order.
        positive: families ``P`` of the derived models.
        negative: families ``N`` of the independent ones.
    """
    one, other, gap = (
        Beaten(kernel=each, positive=positive, negative=negative) for each in (first, second, first - second)
    )
    smaller = min(gap.counts)
    if smaller < 2:  # one family says nothing of others
        return AreaTest(difference=gap.area, interval=(-1.0, 1.0), p_value=1.0)
    return AreaTest(
        difference=gap.area,
        interval=difference_interval(
            one.area,
            auc_interval(one.area, *one.counts),
            other.area,
            auc_interval(other.area, *other.counts),
            correlation=correlation(one.variance(), other.variance(), gap.variance()),
        ),
        p_value=student_p_value(gap.area, gap.variance(), smaller),
    )


def student_p_value(difference: float, variance: float, units: int) -> float:
    """Return the two-sided p-value of a difference between as many units, two or more."""
    if abs(difference) < 1e-12:
        return 1.0
    if variance <= 1e-24:
        return float(2.0 ** (1 - units))  # all units say the same: the sign test
    return float(2 * student_t.sf(abs(difference) / math.sqrt(variance), units - 1))


def correlation(first: float, second: float, difference: float) -> float:
    """Return the correlation of two estimates by their variances and that of their difference; 0 where one is fixed."""
    scale = 2 * math.sqrt(first * second)
    return max(-1.0, min(1.0, (first + second - difference) / scale)) if scale > 0 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, in order (Holm, Scandinavian Journal of Statistics, 1979)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
