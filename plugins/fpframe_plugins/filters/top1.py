"""Filter ``top1``: give the label alone."""

from __future__ import annotations

from typing import ClassVar

import attrs
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query


@attrs.frozen(kw_only=True)
class Top1(fpframe.AnswerFilter):
    """Answer with the most probable label alone, as the channel ``top1``."""

    name: ClassVar[str] = "top1"

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access that reveals labels; nothing is random, and `seed` is not used."""

        def decide(answers: Tensor) -> Tensor:
            return fpframe.through_channel(answers, "top1")

        return FilteredQuery(query, self, answers=decide, labels=True)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [Top1]
