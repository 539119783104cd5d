"""Filter ``round``: give probabilities with few decimals."""

from __future__ import annotations

from typing import ClassVar

import attrs
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query
from fpframe.parameters import whole


@attrs.frozen(kw_only=True)
class Rounding(fpframe.AnswerFilter):
    """Round probabilities, as the channel ``rounded:k`` (Tramer et al., 2016). Labels stay as they are.

    Rows are not scaled to sum to 1 again, for an interface that rounds does not either.

    Attributes:
        decimals: digits after the point.
    """

    name: ClassVar[str] = "round"
    decimals: int = attrs.field(default=2, validator=whole(low=1, high=9))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access through the filter; nothing is random, and `seed` is not used."""

        def shorten(answers: Tensor) -> Tensor:
            return fpframe.through_channel(answers, f"rounded:{self.decimals}")

        return FilteredQuery(query, self, answers=shorten)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [Rounding]
