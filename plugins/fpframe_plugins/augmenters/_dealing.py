"""Views that share no image, out of an order of preference.

Not a plugin: the augmenters that rank a pool use it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fpframe import Classifier, DataError
from fpframe.models import Pixels


def deal(order: Tensor, *, points: int, views: int) -> Tensor:
    """Return the first ``V * N`` of the indices `order` ``(P,)`` as ``(V, N)``, dealt to the views like cards.

    Views are equally good so, and the points of one column are neighbours in the order.

    Raises:
        DataError: there are too few for views without a common image.
    """
    if len(order) < points * views:
        raise DataError(
            f"{points} query points in each of {views} views without a common image need {points * views} images but "
            f"the pool has {len(order)}; lower 'points' or 'views' in the recipe, or give the pool a larger share of "
            "the data"
        )
    return order[: points * views].reshape(points, views).T.contiguous()


def margins(model: Classifier, pool: Tensor | Pixels) -> tuple[Tensor, Tensor]:
    """Return the labels ``(P,)`` that a model gives, and by how much their probability exceeds the next one ``(P,)``.

    In float64, or images of which the model is sure would all have the margin 1.
    """
    probabilities = model.logits(pool).double().softmax(1)
    first, second = probabilities.topk(2, dim=1).values.unbind(1)
    return probabilities.argmax(1), first - second


def ascending(values: Tensor) -> Tensor:
    """Return the indices that sort `values` ``(P,)``; of equal ones the lower index comes first."""
    return torch.argsort(values, stable=True)
