"""`Judged`: how similar to the second victim models are by one scheme and encoder."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from fpframe.decision import AreaTest
from fpframe.paper.average import Average
from fpframe.paper.statistics import Separation, contrast, separation
from fpframe.zoo import ZooModel


@attrs.frozen(kw_only=True, eq=False)
class Sides:
    """The models that are asked about the second victim.

    Attributes:
        thefts: derived from it.
        innocents: held-out independent models.
        strangers: held-out models derived from the first victim, independent of the second one.
    """

    thefts: Sequence[ZooModel]
    innocents: Sequence[ZooModel]
    strangers: Sequence[ZooModel]


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """How similar to the second victim models are by one scheme and encoder.

    Attributes:
        name: scheme and encoder.
        sides: the models.
        above: similarity of those derived from the second victim ``(P,)``.
        below: that of independent ones ``(N,)``.
        beside: that of those derived from the first victim ``(H,)``.
    """

    name: str
    sides: Sides
    above: np.ndarray
    below: np.ndarray
    beside: np.ndarray

    @property
    def averages(self) -> tuple[Average, Average, Average]:
        """Mean similarity of derived models, independent ones, and those derived from the first victim."""
        groups = (
            (self.sides.thefts, self.above),
            (self.sides.innocents, self.below),
            (self.sides.strangers, self.beside),
        )
        derived, independent, strangers = (
            Average.of(values, [model.family for model in models]) for models, values in groups
        )
        return derived, independent, strangers

    @property
    def area(self) -> Separation:
        """How well derived and independent models separate."""
        return separation(self.sides.thefts, self.above, self.sides.innocents, self.below)

    @property
    def hard_area(self) -> Separation:
        """How well models that are derived from the second victim separate from those derived from the first."""
        return separation(self.sides.thefts, self.above, self.sides.strangers, self.beside)

    def less(self, other: Judged) -> AreaTest:
        """Compare the area with that of another scheme or encoder on the same models."""
        sides = (self.above, self.below), (other.above, other.below)
        return contrast(self.sides.thefts, self.sides.innocents, *sides)
