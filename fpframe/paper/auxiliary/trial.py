"""`Trial`: a scheme whose queries are drawn from one source of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from torch import Tensor

from fpframe.comparison import ALL_THEFTS
from fpframe.decision import AreaTest
from fpframe.paper.auxiliary.sources import Source
from fpframe.paper.statistics import Separation
from fpframe.paper.viewscores import ViewScores

#: Images that no scheme chose.
RANDOM = "drawn at random"


@attrs.frozen(kw_only=True, eq=False)
class Trial:
    """A scheme whose queries are drawn from one source.

    Attributes:
        source: the source.
        scheme: the scheme.
        scores: of the held-out models.
        areas: how well thefts separate from independent models, by kind of theft, and all of them.
        against: the AUC of all thefts less that with the first source.
        shown: the images ``(N, C, H, W)`` of the source that stand among the queries as they are.
        fooling: share of test images whose label from the victim the perturbation changes; ``None`` where there is
            no perturbation.
    """

    source: Source
    scheme: str
    scores: ViewScores
    areas: Mapping[str, Separation]
    against: AreaTest
    shown: Tensor
    fooling: float | None

    @property
    def area(self) -> Separation:
        """How well all thefts separate."""
        return self.areas[ALL_THEFTS]

    @property
    def data(self) -> dict[str, Any]:
        """Its numbers, JSON-able."""
        return {
            "source": self.source.name,
            "scheme": self.scheme,
            "images": len(self.source.images),
            "areas": {kind: attrs.asdict(area) for kind, area in self.areas.items()},
            "less_the_first": attrs.asdict(self.against),
            "fooling_rate": self.fooling,
        }
