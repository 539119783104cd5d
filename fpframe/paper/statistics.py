"""Areas over models, with the model's family as the unit, as every experiment reports them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from fpframe.decision import AreaTest, Beaten, area_over_zoos, difference_test, kernel
from fpframe.paper.experiment import Outcome
from fpframe.zoo import ZooModel

#: The p-value from which on an effect is not told from chance.
LEVEL = 0.05


@attrs.frozen(kw_only=True)
class Separation:
    """How well a score separates derived from independent models.

    Attributes:
        auc: area under the ROC curve; mean over the seeds where there are several.
        interval: 95 % interval by Newcombe's method, with families as the units.
        derived: number of derived models.
        independent: number of independent models.
    """

    auc: float
    interval: tuple[float, float]
    derived: int
    independent: int

    @property
    def text(self) -> str:
        """The area with its interval and the numbers of models."""
        low, high = self.interval
        return f"{self.auc:.3f} [{low:.3f}, {high:.3f}] ({self.derived} / {self.independent})"


def separation(
    thefts: Sequence[ZooModel], above: np.ndarray, innocents: Sequence[ZooModel], below: np.ndarray
) -> Separation:
    """Return how well scores separate models.

    Args:
        thefts: derived models.
        above: their scores ``(P,)``, or ``(S, P)`` with several seeds.
        innocents: independent models.
        below: their scores ``(N,)`` or ``(S, N)``.
    """
    table = kernel(np.atleast_2d(above), np.atleast_2d(below))
    positive, negative = ([model.family for model in models] for models in (thefts, innocents))
    area, interval = area_over_zoos([Beaten(kernel=table, positive=positive, negative=negative)])
    return Separation(
        auc=area,
        interval=interval,
        derived=len(thefts),
        independent=len(innocents),
    )


def contrast(
    thefts: Sequence[ZooModel],
    innocents: Sequence[ZooModel],
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
) -> AreaTest:
    """Test whether two scores separate the same models equally well (DeLong's test with families as units).

    Args:
        thefts: derived models.
        innocents: independent models.
        first: one score of both, each ``(P,)`` and ``(N,)``, or ``(S, P)`` and ``(S, N)`` with several seeds.
        second: the other score.
    """
    kernels = [kernel(np.atleast_2d(above), np.atleast_2d(below)) for above, below in (first, second)]
    families = [[model.family for model in models] for models in (thefts, innocents)]
    return difference_test(kernels[0], kernels[1], *families)


def direction(p_value: float, effect: float) -> Outcome:
    """Say what becomes of the claim that an effect is positive: nothing for sure above a p-value of 0.05."""
    if p_value > LEVEL:
        return "undecided"
    return "agrees" if effect > 0 else "differs"


def contrast_text(test: AreaTest) -> str:
    """Return a difference with its interval and p-value."""
    low, high = test.interval
    return f"{test.difference:+.3f} [{low:+.3f}, {high:+.3f}], p = {test.p_value:.2g}"
