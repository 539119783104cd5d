"""`Strength`: how much the first fingerprints of suspects say, and what the literature's t-test claims that they do."""

from __future__ import annotations

import attrs
import numpy as np

from fpframe.comparison import ALL_THEFTS, FPR, KINDS
from fpframe.decision import PowerAt, tpr_at_fpr
from fpframe.paper.statistics import Separation, separation
from fpframe.paper.viewscores import ViewScores


@attrs.frozen(kw_only=True)
class Strength:
    """What the first views of suspects of one kind say.

    Attributes:
        scheme: what they were asked by.
        points: points of one view.
        fingerprints: views that were looked at.
        queries: images that they cost.
        kind: kind of theft, or all.
        area: how well thefts of the kind and all independent models of the test split separate.
        power: share of the thefts above a threshold that at most 5 % of the independent models reach; ``None`` where
            these are too few to tell.
        claimed: median over the thefts of the t-test's p-value; 1 for one view, of which it can say nothing.
        honest: median over the thefts of the conformal p-value.
        floor: the smallest that the conformal p-value can be.
    """

    scheme: str
    points: int
    fingerprints: int
    queries: int
    kind: str
    area: Separation
    power: PowerAt | None
    claimed: float
    honest: float
    floor: float

    @property
    def power_text(self) -> str:
        """The true-positive rate with its interval."""
        if self.power is None:
            return "too few independent models"
        low, high = self.power.interval
        return f"{self.power.rate:.2f} [{low:.2f}, {high:.2f}]"

    @property
    def claimed_text(self) -> str:
        """The t-test's p-value; a single view gives none."""
        return f"{self.claimed:.2g}" if self.fingerprints > 1 else "-"

    @property
    def honest_text(self) -> str:
        """The conformal p-value."""
        return f"{self.honest:.2g}"

    @property
    def row(self) -> tuple[str | int | float, ...]:
        """Its numbers in the order of `HEADER`."""
        where = (self.scheme, self.points, self.fingerprints, self.queries, self.kind)
        power = self.power.rate if self.power is not None else ""
        area = (self.area.derived, self.area.independent, self.area.auc, *self.area.interval)
        return (*where, *area, power, self.claimed, self.honest, self.floor)


#: Of the rows of a table.
HEADER = (
    *("scheme", "points", "fingerprints", "queries", "kind", "derived", "independent", "auc", "low", "high"),
    *("tpr at 5 % fpr", "t-test p", "conformal p", "floor"),
)


def strengths(scores: ViewScores, views: int) -> list[Strength]:
    """Return what the first views say, for all thefts and for each kind of theft that there is."""
    above, below = scores.means(views)
    claimed, honest = scores.claimed(scores.above, views), scores.honest(scores.above, views)
    found = []
    for kind in (ALL_THEFTS, *KINDS):
        rows = [row for row, name in enumerate(scores.kinds) if kind in (ALL_THEFTS, name)]
        if rows:
            found.append(
                Strength(
                    scheme=scores.scheme,
                    points=scores.points,
                    fingerprints=views,
                    queries=views * scores.queries,
                    kind=kind,
                    area=separation([scores.thefts[row] for row in rows], above[rows], scores.innocents, below),
                    power=tpr_at_fpr(above[rows], below, FPR),
                    claimed=float(np.median(claimed[rows])),
                    honest=float(np.median(honest[rows])),
                    floor=scores.floor,
                )
            )
    return found
