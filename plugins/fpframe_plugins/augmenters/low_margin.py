"""`low-margin`: query points of which the victim is least sure, close to its decision boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
from torch import Tensor

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels
from fpframe_plugins.augmenters._dealing import ascending, deal, margins


@attrs.frozen(kw_only=True)
class LowMargin(Augmenter):
    """Choose the images with the smallest difference of the victim's two largest probabilities.

    They are dealt to the views in this order, one at a time, so that no view is surer than another. Of equal ones the
    lower index comes first; the seed decides nothing.
    """

    name: ClassVar[str] = "low-margin"
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
        _, margin = margins(model, pool)
        return deal(ascending(margin), points=points, views=views)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `low-margin`."""
    return [LowMargin]
