"""`StratumPaths`: the view scores of independent models, of which their scores are the means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from fpframe.decision.pvalues import StratumScores


def _matrix(views: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(views, dtype=np.float64)


@attrs.frozen(kw_only=True, eq=False)
class StratumPaths:
    """View scores of independent models that fitted nothing.

    Attributes:
        views: ``(n, V)``: the score of each model in each view.
        families: the family of each model.
        less_able: whether each model is clearly less able than the suspect; empty where none is. See `StratumScores`.
    """

    views: np.ndarray = attrs.field(converter=_matrix)
    families: tuple[str, ...]
    less_able: tuple[bool, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.views.ndim != 2:
            raise ValueError(f"view scores must have shape (n, V) (got {self.views.shape})")
        if len(self.views) != len(self.families):
            raise ValueError(f"view scores of {len(self.views)} models but {len(self.families)} families")

    @property
    def finite(self) -> bool:
        """Whether every view score is a finite number."""
        return bool(np.isfinite(self.views).all())

    def scores(self) -> StratumScores:
        """Return the mean over the views of each model."""
        means = tuple(mean_of_views(row) for row in self.views)
        return StratumScores(scores=means, families=self.families, less_able=self.less_able)


def pooled(strata: Mapping[str, StratumPaths]) -> StratumPaths:
    """Return the models of all strata in one.

    Raises:
        ValueError: there are no strata.
    """
    if not strata:
        raise ValueError("there are no strata to pool")
    return StratumPaths(
        views=np.concatenate([paths.views for paths in strata.values()]),
        families=tuple(family for paths in strata.values() for family in paths.families),
    )


def mean_of_views(view_scores: Sequence[float] | np.ndarray) -> float:
    """Return the score of a model: the mean over its views.

    Suspects and calibration models are averaged here, one by one: in another order of summation a tie would not be one.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # infinities of both signs have no mean, and the caller looks
        # rounded, for equal rates of another order of views differ in the last digit, and have to tie
        return round(float(np.mean(np.asarray(view_scores, dtype=np.float64))), 9)
