"""Figures over several zoos: the mean, with what lies between zoos in the interval.

Zoos are the units, and families the units inside each. An interval joins two parts, whose squared lengths are added:
Newcombe's around the mean, as if all zoos had the same true value, and Student's from how far the zoos' own values lie
apart. With few zoos neither is enough. Student's alone shrinks to nothing where all zoos have an AUC of 1, a bootstrap
that draws zoos and then families knows only the zoos it has, and both are too narrow where scores nearly separate
(`tests/bench/intervals.py` measures it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from scipy.stats import t as student_t

from fpframe.decision.beaten import Beaten
from fpframe.decision.newcombe import Interval, difference_interval, mean_auc_interval
from fpframe.decision.paired import AreaTest, correlation, difference_test, student_p_value


def with_zoos(
    value: float, within: Interval, by_zoo: Sequence[float], *, low: float = 0.0, high: float = 1.0
) -> Interval:
    """Return a 95 % interval that holds what lies between zoos as well.

    Args:
        value: the mean over the zoos.
        within: its interval if all zoos had the same true value.
        by_zoo: the value of each zoo; of one zoo alone it is not known what lies between.
        low: the lowest value that there is.
        high: the highest.
    """
    if len(by_zoo) < 2:
        return low, high
    between = float(student_t.ppf(0.975, len(by_zoo) - 1)) * standard_deviation(by_zoo) / math.sqrt(len(by_zoo))
    below, above = (math.hypot(end - value, between) for end in within)
    return max(low, value - below), min(high, value + above)


def standard_deviation(by_zoo: Sequence[float]) -> float:
    """Return how far the values of zoos lie apart; NaN for one."""
    return float(np.std(by_zoo, ddof=1)) if len(by_zoo) > 1 else math.nan


def area_over_zoos(zoos: Sequence[Beaten]) -> tuple[float, Interval]:
    """Return the mean AUC over zoos, each counted alike, with its 95 % interval; of one zoo, Newcombe's.

    Derived models are set beside the independent ones of their own zoo only: scores of another zoo come from another
    victim and another encoder.

    Raises:
        ValueError: there is no zoo.
    """
    if not zoos:
        raise ValueError("an AUC needs a zoo")
    areas = [zoo.area for zoo in zoos]
    mean = float(np.mean(areas))
    within = mean_auc_interval(mean, [zoo.counts for zoo in zoos])
    return mean, within if len(zoos) == 1 else with_zoos(mean, within, areas)


def difference_over_zoos(pairs: Sequence[tuple[Beaten, Beaten]]) -> AreaTest:
    """Test whether two methods have the same AUC over zoos; in one zoo by `difference_test`.

    With several, the zoos are the units of Student's test. Where they differ less than families inside each would have
    it, the variance is that of the families.

    Args:
        pairs: both methods on the same models, for each zoo.

    Raises:
        ValueError: there is no zoo.
    """
    if not pairs:
        raise ValueError("a difference needs a zoo")
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    if len(pairs) == 1:
        return difference_test(first[0].kernel, second[0].kernel, first[0].positive, first[0].negative)
    gaps = [_gap(*pair) for pair in pairs]
    by_zoo = [gap.area for gap in gaps]
    difference = float(np.mean(by_zoo))
    if min(min(gap.counts) for gap in gaps) < 2:  # one family says nothing of others
        return AreaTest(difference=difference, interval=(-1.0, 1.0), p_value=1.0)
    variances = [float(np.mean([each.variance() for each in side])) for side in (first, second, gaps)]
    means = [float(np.mean([each.area for each in side])) for side in (first, second)]
    inside = [
        mean_auc_interval(mean, [each.counts for each in side])
        for mean, side in zip(means, (first, second), strict=True)
    ]
    within = difference_interval(means[0], inside[0], means[1], inside[1], correlation=correlation(*variances))
    spread = max(float(np.var(by_zoo, ddof=1)), variances[2]) / len(by_zoo)
    return AreaTest(
        difference=difference,
        interval=with_zoos(difference, within, by_zoo, low=-1.0),
        p_value=student_p_value(difference, spread, len(by_zoo)),
    )


def _gap(first: Beaten, second: Beaten) -> Beaten:
    return attrs.evolve(first, kernel=first.kernel - second.kernel)
