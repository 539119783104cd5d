"""`random`: query points drawn at random, the plainest choice and a control for all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels
from fpframe.rng import generator
from fpframe_plugins.augmenters._dealing import deal


@attrs.frozen(kw_only=True)
class RandomPoints(Augmenter):
    """Draw the points of all views from the pool without replacement, every image with the same chance."""

    name: ClassVar[str] = "random"
    streams: ClassVar[bool] = True

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
        return deal(torch.randperm(len(pool), generator=generator(seed, "points")), points=points, views=views)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `random`."""
    return [RandomPoints]
