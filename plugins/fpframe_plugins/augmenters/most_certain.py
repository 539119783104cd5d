"""`most-certain`: query points that the victim gets right and is surest of.

The seeds of DeepJudge (Chen et al., "Copy, Right? A Testing Framework for Copyright Protection of Deep Learning
Models", IEEE S&P 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels
from fpframe_plugins.augmenters._dealing import ascending, deal


@attrs.frozen(kw_only=True)
class MostCertain(Augmenter):
    """Choose images that the victim gets right, by the largest sum of squares of its probabilities.

    Where these are too few the rest is filled up with images that it gets wrong, the surest ones first. Every view gets
    its share of both.
    """

    name: ClassVar[str] = "most-certain"
    streams: ClassVar[bool] = True

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def choose(
        self,
        model: Classifier,
        pool: Tensor | Pixels,
        labels: Tensor,
        *,
        points: int,
        views: int,
        references: References | None,
        seed: int,
    ) -> Tensor:
        """Return indices ``(V, N)`` into `pool` ``(P, C, H, W)``, none of them twice.

        Raises:
            DataError: the pool has fewer than ``V * N`` images.
        """
        # in float64, or images of which the model is sure would all be equally sure
        probabilities = model.logits(pool).double().softmax(1)
        by_certainty = ascending(-probabilities.square().sum(1))
        right = (probabilities.argmax(1) == labels)[by_certainty]
        return deal(torch.cat([by_certainty[right], by_certainty[~right]]), points=points, views=views)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `most-certain`."""
    return [MostCertain]
