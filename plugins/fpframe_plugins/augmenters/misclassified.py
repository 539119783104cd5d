"""`misclassified`: query points that the victim gets wrong.

Models agree on what is easy; errors are a model's own, and its copies inherit them. Used so by SAC-w (Guan et al.,
"Are You Stealing My Model? Sample Correlation for Fingerprinting Deep Neural Networks", NeurIPS 2022) and by the Anna
Karenina heuristic (AKH; Godinot et al., "Queries, Representation & Detection: The Next 100 Model Fingerprinting
Schemes", AAAI 2025).
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
from fpframe.rng import generator
from fpframe_plugins.augmenters._dealing import ascending, deal, margins


@attrs.frozen(kw_only=True)
class Misclassified(Augmenter):
    """Choose images whose label the victim gets wrong, drawn at random from all of these in the pool.

    Where these are too few the rest is filled up with images that it gets right by the lowest margin, the difference
    of its two largest probabilities. Every view gets its share of both.
    """

    name: ClassVar[str] = "misclassified"
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
        predicted, margin = margins(model, pool)
        drawn = torch.randperm(len(pool), generator=generator(seed, "points"))
        errors = drawn[predicted[drawn] != labels[drawn]]
        by_margin = ascending(margin)
        close = by_margin[predicted[by_margin] == labels[by_margin]]
        return deal(torch.cat([errors, close]), points=points, views=views)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `misclassified`."""
    return [Misclassified]
