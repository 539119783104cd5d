"""How much of what view scores vary lies between models: the reason why a view is not a sample of its own."""

from __future__ import annotations

import math

import attrs
import numpy as np


@attrs.frozen(kw_only=True)
class VarianceShares:
    """One-way analysis of variance of view scores, with the model as a random effect.

    Attributes:
        between: variance between models.
        within: variance between the views of one model.
        share: between / (between + within), the intraclass correlation: 0 where views are as good as independent
            samples, 1 where further views of a model say nothing new; NaN where it cannot be told.
        f: the F statistic, mean square between over mean square within.
        models: number of models.
        views: views of each.
    """

    between: float
    within: float
    share: float
    f: float
    models: int
    views: int


def variance_shares(views: np.ndarray) -> VarianceShares:
    """Divide the variance of view scores ``(M, V)`` by the estimator of moments (Searle, Casella and McCulloch, 1992).

    With fewer than two models or views, or a score that is not finite, nothing can be divided: the shares are NaN.

    Raises:
        ValueError: the scores do not have two dimensions.
    """
    views = np.asarray(views, dtype=np.float64)
    if views.ndim != 2:
        raise ValueError(f"view scores must have shape (M, V) (got {views.shape})")
    models, count = views.shape
    if min(models, count) < 2 or not np.isfinite(views).all():
        return VarianceShares(between=math.nan, within=math.nan, share=math.nan, f=math.nan, models=models, views=count)
    means = views.mean(1)
    # equal scores may differ from their mean in the last digit, which is not variance
    nothing = (1e-14 * float(np.abs(views).max())) ** 2
    between_square = _or_zero(count * float(means.var(ddof=1)), nothing)
    within = _or_zero(float(np.sum((views - means[:, None]) ** 2)) / (models * (count - 1)), nothing)
    between = max(0.0, (between_square - within) / count)
    total = between + within
    return VarianceShares(
        between=between,
        within=within,
        share=between / total if total else math.nan,
        f=between_square / within if within else math.inf,
        models=models,
        views=count,
    )


def _or_zero(square: float, nothing: float) -> float:
    return square if square > nothing else 0.0
